//! Lines for the host's log, through `wasi:logging`. The host adds plugin, tenant and trace to each.
//!
//! `log::warn!("deliver", "answered {status}")`: first the part of the plugin, then a text as for `format!`. A line without
//! arguments costs no formatting.

pub use crate::bindings::imports::wasi::logging::logging::Level;

/// Writes one line, of at most 8 KiB. `context` names the part of the plugin it comes from.
#[cfg(target_arch = "wasm32")]
pub fn line(level: Level, context: &str, message: &str) {
    crate::bindings::imports::wasi::logging::logging::log(level, context, message);
}

/// Writes one line to the stand-in.
#[cfg(not(target_arch = "wasm32"))]
pub fn line(level: Level, context: &str, message: &str) {
    crate::native::with(|host| host.log(level, context, message));
}

/// Formats only where there is something to format.
#[doc(hidden)]
pub fn formatted(level: Level, context: &str, message: std::fmt::Arguments<'_>) {
    match message.as_str() {
        Some(text) => line(level, context, text),
        None => line(level, context, &message.to_string()),
    }
}

macro_rules! level_macro {
    ($hidden:ident, $name:ident, $level:ident, $doc:literal, $dollar:tt) => {
        #[doc = $doc]
        #[macro_export]
        macro_rules! $hidden {
            ($dollar context:expr, $dollar($dollar arg:tt)+) => {
                $dollar crate::log::formatted($dollar crate::log::Level::$level, $dollar context, format_args!($dollar($dollar arg)+))
            };
        }
        pub use $hidden as $name;
    };
}
level_macro!(log_trace, trace, Trace, "Writes a line of level `trace`.", $);
level_macro!(log_debug, debug, Debug, "Writes a line of level `debug`.", $);
level_macro!(log_info, info, Info, "Writes a line of level `info`.", $);
level_macro!(log_warn, warn, Warn, "Writes a line of level `warn`.", $);
level_macro!(log_error, error, Error, "Writes a line of level `error`.", $);

#[cfg(test)]
mod tests {
    use crate::native::{Table, install, lines};

    #[test]
    fn a_line_arrives_with_its_level_context_and_text() {
        install(Table::new());
        let status = 500;
        crate::log::warn!("deliver", "answered {status}");
        crate::log::info!("start", "ready");
        assert_eq!(
            lines(),
            [
                "Level::Warn deliver: answered 500",
                "Level::Info start: ready"
            ]
        );
    }
}
