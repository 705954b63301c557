//! A log of changes in a folder, for plugins that keep what they hold on a disk.
//!
//! A plugin holds its state in memory and appends to the journal what changes it. [`Journal::sync`] puts everything appended since the
//! last time on the disk with one `fsync`; what was synced is there after a crash of the process and of the machine. At the next start
//! [`Opening::read`] gives the records back in their order, and [`Opening::begin`] writes the state as it is then into a new file.
//! [`keeper::Keeper`] does all of that for a state of any kind.
//!
//! What a folder holds:
//!
//! | file | content |
//! |---|---|
//! | `{number}.{owner}.journal` | the state when the file was begun, then the changes since; the highest number counts |
//! | `{number}.{owner}.new` | one that is being written; of no worth |
//! | `{number}.{owner}.torn` | the end of a file that was being written when the machine stopped; never acknowledged, kept to look at |
//! | `{number}.{owner}.damaged` | a file with damage before its end that was set aside on the operator's word |
//!
//! A file is a line that says what it is, and frames ([`frame`]). **A folder has one owner**: who opens it renames the newest file, and
//! whoever wrote it before sees at its next sync that its file is gone and refuses to go on ([`Fault::Taken`]). So a newer instance can take
//! over while an older one still lives, and nothing the older one acknowledged is lost.

pub mod fault;
pub mod frame;
mod journal;
pub mod keeper;
mod opening;
#[cfg(test)]
mod tests;

pub use fault::Fault;
pub use journal::{Journal, Sink};
pub use opening::{Damage, Format, Opening};
