//! Every bound of the channel in one place. Direct Line has no official figures for sizes; these are the commonly quoted ones.

/// Longest activity a client may send and longest entry of the log, in bytes.
pub const ACTIVITY_BYTES: usize = 256 * 1024;
/// Longest upload, all parts together, in bytes; also the host's limit for a response and so for a download.
pub const UPLOAD_BYTES: usize = 4 * 1024 * 1024;
/// Deepest nesting of JSON from a client.
pub const JSON_DEPTH: usize = 48;
/// Longest text of a message, in bytes: what the host's types allow.
pub const TEXT_BYTES: usize = 64 * 1024;
/// Most attachments of one activity.
pub const ATTACHMENTS: usize = 32;
/// Most files of one upload.
pub const FILES: usize = 10;
/// Longest identifier or name taken from a client, in bytes.
pub const NAME_BYTES: usize = 128;
/// Longest token, in bytes.
pub const TOKEN_BYTES: usize = 4096;
/// How long a token is good for, in seconds (Direct Line 3.0: `expires_in`).
pub const TOKEN_SECONDS: u64 = 1800;
/// How long the address of a stream is good for, in seconds (Direct Line 3.0).
pub const STREAM_SECONDS: u64 = 60;
/// Entries read from the log at once.
pub const READ_ENTRIES: u32 = 50;
/// Most activities in one answer or frame.
pub const ANSWER_ACTIVITIES: usize = 200;
/// Where an answer or frame stops taking more activities, in bytes.
pub const ANSWER_BYTES: usize = 1024 * 1024;
/// Most buttons the chat page shows.
pub const BUTTONS: u32 = 20;
/// Longest file that is sent inside the activity when it has no address, in bytes.
pub const INLINE_BYTES: usize = 128 * 1024;
