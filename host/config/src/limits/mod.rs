//! Every timeout, limit and queue length of the host, in one table: name, default, range, meaning and the key that changes
//! it. No other crate has a default of its own; each takes its struct from here.
//!
//! Times count in milliseconds, sizes in bytes. Every limit has a ceiling too, so that no key can switch a bound off.

use std::fmt::Write as _;
use std::time::Duration;

use greentic_diagnostics::{format_duration, format_size};

use crate::shape::{Field, Kind, field};

/// What a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Milliseconds; written `500ms`, `5s`, `2m`, `1h`, `7d`.
    Time,
    /// Bytes; written `512B`, `64KiB`, `32MiB`.
    Size,
    /// Things.
    Count,
}

impl Unit {
    /// A value as an operator writes it.
    #[must_use]
    pub fn show(self, value: u64) -> String {
        match self {
            Self::Time => format_duration(Duration::from_millis(value)),
            Self::Size => format_size(value),
            Self::Count => value.to_string(),
        }
    }
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// The group it belongs to: its bundle key is `limits.<group>.<key>`.
    pub group: &'static str,
    /// The key inside its group.
    pub key: &'static str,
    /// What it counts.
    pub unit: Unit,
    /// What holds when the bundle is silent, in the unit.
    pub default: u64,
    /// The least value allowed.
    pub min: u64,
    /// The greatest value allowed.
    pub max: u64,
    /// What it bounds and what happens beyond it.
    pub meaning: &'static str,
}

/// How a limit is held in its struct.
pub(crate) trait Held: Copy {
    fn from_raw(raw: u64) -> Self;
    fn raw(self) -> u64;
}

impl Held for Duration {
    fn from_raw(raw: u64) -> Self {
        Duration::from_millis(raw)
    }
    fn raw(self) -> u64 {
        u64::try_from(self.as_millis()).unwrap_or(u64::MAX)
    }
}

impl Held for u64 {
    fn from_raw(raw: u64) -> Self {
        raw
    }
    fn raw(self) -> u64 {
        self
    }
}

impl Held for usize {
    fn from_raw(raw: u64) -> Self {
        usize::try_from(raw).unwrap_or(usize::MAX)
    }
    fn raw(self) -> u64 {
        u64::try_from(self).unwrap_or(u64::MAX)
    }
}

macro_rules! held {
    (Time) => {
        Duration
    };
    (Size) => {
        u64
    };
    (Count) => {
        usize
    };
}

/// Makes, from one declaration: the structs, their defaults, the rows, the reader, and the shape for the schema.
macro_rules! limits {
    ($(
        #[doc = $group_doc:literal]
        $group:ident $group_key:literal $Group:ident $SHAPE:ident {
            $( #[doc = $doc:literal] $name:ident $key:literal $unit:ident = $default:expr, $min:expr => $max:expr; )*
        }
    )*) => {
        $(
            #[doc = $group_doc]
            #[derive(Debug, Clone, PartialEq, Eq)]
            pub struct $Group { $( #[doc = $doc] pub $name: held!($unit), )* }

            impl Default for $Group {
                fn default() -> Self {
                    Self { $( $name: Held::from_raw($default), )* }
                }
            }

            impl $Group {
                /// The rows of this group, in the order of the struct's fields.
                pub const ROWS: &'static [Limit] = &[ $( Limit {
                    group: $group_key, key: $key, unit: Unit::$unit, default: $default, min: $min, max: $max,
                    meaning: $doc.trim_ascii(),
                }, )* ];

                /// The values in the order of the rows, in their units.
                #[must_use]
                pub fn values(&self) -> Vec<u64> {
                    vec![ $( self.$name.raw(), )* ]
                }

                /// The lower of the two, value by value.
                #[must_use]
                pub fn lower_of(&self, other: &Self) -> Self {
                    Self { $( $name: self.$name.min(other.$name), )* }
                }

                /// The greatest values allowed: what lowers nothing.
                #[must_use]
                pub fn widest() -> Self {
                    Self { $( $name: Held::from_raw($max), )* }
                }

                /// Changes what the table names; what is at fault is reported and keeps its value. No value may exceed
                /// that of `ceiling`.
                pub(crate) fn read(&mut self, fields: &Fields<'_, '_>, ceiling: Option<&Self>) {
                    let mut rows = Self::ROWS.iter();
                    $( if let Some(row) = rows.next()
                        && let Some(value) = fields.limit(row, ceiling.map(|ceiling| ceiling.$name.raw()))
                    {
                        self.$name = Held::from_raw(value);
                    } )*
                }
            }

            pub(crate) static $SHAPE: Shape = Shape {
                name: concat!("limits-", $group_key),
                doc: $group_doc.trim_ascii(),
                fields: &shape_fields::<{ $Group::ROWS.len() }>($Group::ROWS),
            };
        )*

        /// All limits of a host.
        #[derive(Debug, Clone, PartialEq, Eq, Default)]
        pub struct Limits { $( #[doc = $group_doc] pub $group: $Group, )* }

        impl Limits {
            /// Every row with the value that holds in `self`, group by group.
            #[must_use]
            pub fn rows(&self) -> Vec<(&'static Limit, u64)> {
                let mut all = Vec::new();
                $( all.extend($Group::ROWS.iter().zip(self.$group.values())); )*
                all
            }

            pub(crate) fn read(&mut self, fields: &Fields<'_, '_>) {
                $( if let Some(table) = fields.table($group_key) {
                    self.$group.read(&table, None);
                    table.finish();
                } )*
            }
        }

        pub(crate) static LIMITS: Shape = Shape {
            name: "limits",
            doc: "Every timeout, limit and queue length of the host; what is left out keeps its default.",
            fields: &[ $( field($group_key, Kind::Table(&$SHAPE), $group_doc.trim_ascii()), )* ],
        };
    };
}

pub(crate) const fn shape_fields<const N: usize>(rows: &'static [Limit]) -> [Field; N] {
    let mut fields = [const { field("", Kind::Any, "") }; N];
    let mut left = rows;
    let mut at = 0;
    while let [row, rest @ ..] = left {
        // `at` counts rows, and there are N of them; evaluated by the compiler, so a slip cannot reach a user.
        #[allow(clippy::indexing_slicing)]
        {
            fields[at] = field(row.key, Kind::Limit(row), row.meaning);
        }
        left = rest;
        at += 1;
    }
    fields
}

impl Limits {
    /// The table as Markdown, with the values that hold in `self` where they differ from the default.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let mut out = String::from("| key | default | range | meaning |\n|---|---|---|---|\n");
        for (row, value) in self.rows() {
            let show = |value| row.unit.show(value);
            let now = if value == row.default {
                String::new()
            } else {
                format!(" (here {})", show(value))
            };
            // Writing to a String does not fail.
            let _ = writeln!(
                out,
                "| `limits.{}.{}` | {}{now} | {} – {} | {} |",
                row.group,
                row.key,
                show(row.default),
                show(row.min),
                show(row.max),
                row.meaning
            );
        }
        out
    }
}

mod table;

pub use table::*;
pub(crate) use table::{LIMITS, PLUGIN, QUOTA};

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_default_lies_in_its_range_and_every_key_is_named_once() {
        let rows = Limits::default().rows();
        let mut seen = HashSet::new();
        for (row, value) in &rows {
            assert_eq!(row.default, *value, "{row:?}");
            assert!(
                (row.min..=row.max).contains(&row.default) && row.min > 0,
                "{row:?}"
            );
            assert!(
                !row.meaning.is_empty() && row.meaning.ends_with('.'),
                "{row:?}"
            );
            assert!(seen.insert((row.group, row.key)), "{row:?}");
            assert!(
                row.max <= u64::from(u32::MAX) || row.unit != Unit::Count,
                "{row:?}"
            );
        }
        assert!(rows.len() > 90, "{}", rows.len());
    }

    #[test]
    fn what_was_left_out_lowers_nothing() {
        let own = PluginLimits {
            memory: 128 << 20,
            ..PluginLimits::default()
        };
        assert_eq!(own.lower_of(&PluginLimits::widest()), own);
        let tenant = PluginLimits {
            memory: 16 << 20,
            ..PluginLimits::widest()
        };
        assert_eq!(
            own.lower_of(&tenant),
            PluginLimits {
                memory: 16 << 20,
                ..own.clone()
            }
        );
    }

    #[test]
    fn the_table_shows_defaults_and_what_was_changed() {
        let mut limits = Limits::default();
        limits.request.body = 2 << 20;
        let table = limits.to_markdown();
        assert!(table.contains("| `limits.request.body` | 1MiB (here 2MiB) | 1KiB – 64MiB | A request's body; beyond it 413. |"));
        assert!(table.contains("| `limits.plugin.cpu-per-call` | 200ms | 1ms – 5m |"));
    }
}
