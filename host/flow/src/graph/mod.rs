//! Draws a flow: Mermaid for pages that render it, SVG for everything else.

mod layout;
mod mermaid;
mod svg;

pub use mermaid::mermaid;
pub use svg::svg;
