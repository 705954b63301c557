//! Every bound of the platform and of this channel in one place. The platform's figures are those of Cloud API v23.0.

/// Longest body of a text message, in characters.
pub const TEXT: usize = 4096;
/// Longest body of an interactive message, in characters.
pub const INTERACTIVE_BODY: usize = 1024;
/// Most reply buttons of one message.
pub const BUTTONS: usize = 3;
/// Longest title of a reply button, of a link button and of the button that opens a list, in characters.
pub const BUTTON_TITLE: usize = 20;
/// Most rows of one list, over all its sections.
pub const ROWS: usize = 10;
/// Longest title of a row, in characters.
pub const ROW_TITLE: usize = 24;
/// Longest description of a row, in characters.
pub const ROW_DESCRIPTION: usize = 72;
/// Longest identifier of a row, in characters; a reply button takes 256, and one rule serves both.
pub const CHOICE_ID: usize = 200;
/// Longest text of one parameter of a template, in characters.
pub const TEMPLATE_PARAMETER: usize = 1024;
/// Longest `biz_opaque_callback_data`, in characters.
pub const CALLBACK_DATA: usize = 512;
/// Largest image, in bytes.
pub const IMAGE_BYTES: u64 = 5 * 1024 * 1024;
/// Largest audio or video, in bytes.
pub const AUDIO_VIDEO_BYTES: u64 = 16 * 1024 * 1024;
/// Largest document, in bytes.
pub const DOCUMENT_BYTES: u64 = 100 * 1024 * 1024;
/// Largest sticker that does not move, in bytes.
pub const STICKER_BYTES: u64 = 100 * 1024;
/// Largest sticker that moves, in bytes.
pub const MOVING_STICKER_BYTES: u64 = 500 * 1024;
/// Width and height of a sticker, in pixels.
pub const STICKER_PIXELS: u32 = 512;
/// How long after a person's last message anything but a template may be sent, in milliseconds.
pub const WINDOW_MS: u64 = 24 * 60 * 60 * 1000;
/// How long the platform may send the same webhook again, in milliseconds.
pub const REDELIVERY_MS: u64 = 7 * 24 * 60 * 60 * 1000;

/// Largest file this channel passes on from the platform, in bytes: what the host takes as a response.
pub const FILE_BYTES: usize = 4 * 1024 * 1024;
/// How long the link to an incoming file is good for, in milliseconds. The platform keeps a file for 30 days at most.
pub const LINK_MS: u64 = 7 * 24 * 60 * 60 * 1000;
/// Most events the host takes of one request.
pub const EVENTS: usize = 256;
/// Longest identifier the host takes, in bytes.
pub const ID_BYTES: usize = 512;
/// Longest text the host takes, in bytes.
pub const TEXT_BYTES: usize = 64 * 1024;
/// Longest JSON the host takes in an event, in bytes.
pub const JSON_BYTES: usize = 256 * 1024;
/// Longest name of a person or file, in bytes.
pub const NAME_BYTES: usize = 240;
/// Longest challenge of the handshake that is given back, in bytes; the platform's has ten digits.
pub const CHALLENGE_BYTES: usize = 256;
/// How long it is remembered what a person wrote last, and what a long button carries, in milliseconds.
pub const REMEMBERED_MS: u64 = 30 * 24 * 60 * 60 * 1000;
/// How long the progress of a delivery is remembered, in milliseconds.
pub const PROGRESS_MS: u64 = 2 * 24 * 60 * 60 * 1000;
/// How long the answer to a form is awaited, in milliseconds.
pub const FORM_MS: u64 = 24 * 60 * 60 * 1000;
