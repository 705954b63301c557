//! YAML with positions, and errors that show the line, the place and the nearest correct word.
//!
//! Every file a person writes for this product (bundle, flow, pack manifest) is read through this crate, so that all of
//! them refuse the same things in the same words: unknown and duplicate keys, wrong types, dangling names, each at its
//! line and column and all at once. The crate reads no files: callers pass the text.
//!
//! ```
//! use greentic_diagnostics::{Report, Source, Table, yaml};
//!
//! let source = Source::new("demo.yaml", "id: hello\nretires: 3\n");
//! let report = Report::new(&source);
//! let root = yaml::read(&report).unwrap();
//! let table = Table::new(&root, &report).unwrap();
//! let id = table.required_str("id");
//! let retries = table.u64("retries");
//! table.finish();
//! let found = report.into_diagnostics();
//! assert_eq!(id.unwrap().value, "hello");
//! assert!(retries.is_none());
//! assert_eq!(
//!     found.to_string(),
//!     "demo.yaml:2:1: error[unknown-key]: unknown key `retires`; did you mean `retries`?"
//! );
//! ```

mod collection;
mod diagnostic;
mod expect;
mod quantity;
#[cfg(feature = "render")]
mod render;
mod report;
mod source;
mod suggest;
mod table;
pub mod yaml;

pub use collection::Diagnostics;
pub use diagnostic::{Diagnostic, Related, Severity};
pub use quantity::{format_duration, format_size, parse_duration, parse_size};
pub use report::{Note, Report};
pub use source::{Position, Source, Span, Spanned};
pub use suggest::suggest;
pub use table::Table;
pub use yaml::{Mapping, Node, Value};
