//! The smallest component, `greentic:component`: implement [`Component`] and export the type with `export_component!`, or call
//! one that the host joins to this component with [`execute`].

pub use crate::bindings::minimal::exports::greentic::component::component::{
    Guest as Component, Message, Outcome,
};

/// Calls the component this one is joined with. A component that uses this imports `greentic:component/component`.
#[cfg(target_arch = "wasm32")]
#[must_use]
pub fn execute(input: &Message) -> Outcome {
    use crate::bindings::minimal_import::greentic::component::component as import;
    let outcome = import::execute(&import::Message {
        id: input.id.clone(),
        content: input.content.clone(),
        sender: input.sender.clone(),
        timestamp: input.timestamp,
    });
    Outcome {
        success: outcome.success,
        data: outcome.data,
        error: outcome.error,
    }
}

/// Outside the sandbox nothing is joined: asks the stand-in.
#[cfg(not(target_arch = "wasm32"))]
#[must_use]
pub fn execute(input: &Message) -> Outcome {
    crate::native::with(|host| host.execute(input))
}

impl Outcome {
    /// It worked; `data` is what came of it.
    #[must_use]
    pub fn success(data: impl Into<String>) -> Self {
        Self {
            success: true,
            data: Some(data.into()),
            error: None,
        }
    }

    /// It failed; `error` says why and what to do.
    #[must_use]
    pub fn failure(error: impl Into<String>) -> Self {
        Self {
            success: false,
            data: None,
            error: Some(error.into()),
        }
    }
}
