//! Why a pack was refused: one variant for each reason, and what to do about it.
//!
//! A caller that only reports prints [`PackError`]; one that decides (retry, alert, count) matches on [`Refusal`] or
//! keeps its [`Refusal::code`], which never changes once released.

use std::fmt;

/// A refused pack: which one, which file in it, why, and the remedy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackError {
    /// The pack as the caller named it (a path or reference) or, once it is known, its id and version.
    pub pack: String,
    /// The file inside the pack, when one is at fault.
    pub file: Option<String>,
    /// The reason.
    pub refusal: Refusal,
}

impl PackError {
    /// What the reader of the message should do.
    pub fn remedy(&self) -> &'static str {
        self.refusal.remedy()
    }
}

impl fmt::Display for PackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pack {}", self.pack)?;
        if let Some(file) = &self.file {
            write!(f, ", file `{file}`")?;
        }
        write!(f, ": {}; {}", self.refusal, self.refusal.remedy())
    }
}

impl std::error::Error for PackError {}

/// A refusal with the file it is about, before the pack's name is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) file: Option<String>,
    pub(crate) refusal: Refusal,
}

impl Fault {
    pub(crate) fn at(file: impl Into<String>, refusal: Refusal) -> Self {
        Self {
            file: Some(file.into()),
            refusal,
        }
    }

    pub(crate) fn in_pack(self, pack: &str) -> PackError {
        PackError {
            pack: pack.to_owned(),
            file: self.file,
            refusal: self.refusal,
        }
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self {
            file: None,
            refusal,
        }
    }
}

/// Declares the variants once: name, fields, code, group (which gives the remedy), message.
macro_rules! refusals {
    ($( $(#[$doc:meta])* $name:ident $({ $( $(#[$fdoc:meta])* $field:ident : $ty:ty ),* $(,)? })? => $code:literal, $remedy:expr, $message:literal; )*) => {
        /// Why a pack was refused.
        #[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
        #[non_exhaustive]
        pub enum Refusal {
            $( $(#[$doc])* #[error($message)] $name $({ $( $(#[$fdoc])* $field: $ty ),* })?, )*
        }

        impl Refusal {
            /// A short stable name of the reason, for logs, metrics and tests.
            pub fn code(&self) -> &'static str {
                match self { $( Self::$name { .. } => $code, )* }
            }

            /// What to do about it.
            pub fn remedy(&self) -> &'static str {
                match self { $( Self::$name { .. } => $remedy, )* }
            }
        }
    };
}

const REBUILD: &str =
    "build it again with `greentic-pack build`; other ZIP tools do not write this format";
const FETCH: &str =
    "the file is damaged or was changed: fetch it again, and do not use it if this stays";
const RENAME: &str = "rename the file in the pack's folder and build it again";
const SHRINK: &str = "make the pack smaller or split it";
const NEWER: &str = "use a greentic-pack and host of the version the pack was built with";
const TRUST: &str = "if you trust its publisher, add the key under `trust.keys` of the bundle";
const PUBLISHER: &str =
    "ask the pack's publisher for one that is signed by a key that is valid now";

refusals! {
    /// The file could not be read.
    Unreadable {
        /// What the system said.
        reason: String
    } => "unreadable", "check the path and its permissions", "cannot be read: {reason}";
    /// It is a directory, device or pipe.
    NotAFile => "not-a-file", "give the path of a .gtpack file", "is not a regular file";
    /// It is no ZIP archive at all.
    NotAnArchive => "not-an-archive", "give the path of a .gtpack file", "is not a .gtpack archive";
    /// The whole is larger than the limit.
    PackTooLarge {
        /// Bytes that are allowed.
        limit: u64
    } => "pack-too-large", SHRINK, "is larger than {limit} bytes";
    /// One file is larger than the limit.
    FileTooLarge {
        /// Bytes that are allowed.
        limit: u64
    } => "file-too-large", SHRINK, "is larger than {limit} bytes";
    /// More files than the limit.
    TooManyFiles {
        /// Files that are allowed.
        limit: usize
    } => "too-many-files", SHRINK, "holds more than {limit} files";
    /// Bytes stand before the first file.
    PrependedData => "prepended-data", REBUILD, "has bytes before its first file";
    /// Bytes stand after the end record.
    TrailingData => "trailing-data", REBUILD, "has bytes after its end";
    /// Bytes between files belong to none.
    Gap {
        /// Where they begin.
        offset: u64
    } => "gap", REBUILD, "has bytes at offset {offset} that belong to no file";
    /// Two files share bytes.
    Overlap {
        /// Where the second begins.
        offset: u64
    } => "overlap", REBUILD, "has files that overlap at offset {offset}";
    /// A header or a file ends after the archive does.
    Truncated => "truncated", FETCH, "ends in the middle of a file";
    /// The end record's count differs from the files there are.
    CountMismatch => "count-mismatch", REBUILD, "states another number of files than it holds";
    /// A record has the wrong signature.
    BadRecord {
        /// Where it stands.
        offset: u64
    } => "bad-record", FETCH, "has no valid file record at offset {offset}";
    /// The two headers of a file differ.
    HeaderMismatch {
        /// The field that differs.
        field: &'static str
    } => "header-mismatch", REBUILD, "has two headers that differ in `{field}`";
    /// It is compressed; only stored files are accepted.
    Compressed {
        /// The ZIP method number.
        method: u16
    } => "compressed", REBUILD, "is compressed (method {method}); files are stored as they are";
    /// It is encrypted.
    Encrypted => "encrypted", REBUILD, "is encrypted";
    /// Its sizes follow the data instead of preceding it.
    StreamedSizes => "streamed-sizes", REBUILD, "has its sizes after its data";
    /// Another field has a value the format does not use.
    ForeignField {
        /// The field.
        field: &'static str
    } => "foreign-field", REBUILD, "has a value in `{field}` that this format does not use";
    /// It is a symbolic link, a device, a directory: anything but a regular file.
    SpecialFile {
        /// The file type bits of its mode.
        kind: u32
    } => "special-file", REBUILD, "is not a regular file (type {kind:o})";
    /// The stored length differs from the stated one.
    SizeMismatch => "size-mismatch", FETCH, "has another size than is stated";
    /// The checksum differs.
    ChecksumMismatch => "checksum-mismatch", FETCH, "does not match its checksum";
    /// Files do not stand in lexical order.
    OutOfOrder => "out-of-order", REBUILD, "does not stand in lexical order";
    /// A path occurs twice.
    DuplicateFile => "duplicate-file", REBUILD, "occurs twice";
    /// Two paths differ in the case of letters only.
    CaseDuplicate {
        /// The other path.
        other: String
    } => "case-duplicate", RENAME, "differs from `{other}` in upper and lower case only";
    /// A path is a file here and a folder there.
    FileIsFolder {
        /// The other path.
        other: String
    } => "file-is-folder", RENAME, "would be a file in one place and a folder in another (`{other}`)";
    /// A path begins at a root or a drive.
    AbsolutePath => "absolute-path", RENAME, "is an absolute path";
    /// A path has `..` in it.
    PathEscape => "path-escape", RENAME, "leads out of the pack";
    /// A path has a backslash.
    Backslash => "backslash", RENAME, "has a backslash in its path";
    /// A path has an empty segment or `.`.
    OddPath => "odd-path", RENAME, "has an empty segment or `.` in its path";
    /// A path has a character outside the accepted set.
    PathCharacter {
        /// The byte.
        byte: u8
    } => "path-character", RENAME, "has the byte 0x{byte:02x} in its path; use letters, digits, space and . _ - + @ ~ = , ( )";
    /// A path is longer than 240 bytes or deeper than 16 folders.
    PathTooLong => "path-too-long", RENAME, "has a path longer than 240 bytes or 16 folders";
    /// A path names a device on some system, or ends in a dot or space.
    ReservedName => "reserved-name", RENAME, "has a name some systems reserve";

    /// No signature, and the policy is strict.
    Unsigned => "unsigned", "sign it with `greentic-pack sign FILE --key NAME`, or allow unsigned packs explicitly", "is not signed";
    /// The envelope is not a DSSE envelope.
    BadEnvelope {
        /// What is wrong.
        reason: String
    } => "bad-envelope", FETCH, "is not a valid DSSE envelope: {reason}";
    /// The envelope is for something else.
    ForeignPayload {
        /// The type it states.
        found: String
    } => "foreign-payload", FETCH, "signs a payload of type `{found}`, not a pack";
    /// The envelope holds more signatures than the limit.
    TooManySignatures {
        /// Signatures that are allowed.
        limit: usize
    } => "too-many-signatures", PUBLISHER, "has more than {limit} signatures";
    /// A key signed twice, or signatures do not stand in order of key.
    SignatureOrder => "signature-order", FETCH, "has signatures twice or out of order";
    /// A signature of a known key does not verify.
    BadSignature {
        /// The key's name in the keyring.
        key: String
    } => "bad-signature", FETCH, "has a signature of key `{key}` that does not verify";
    /// The only signature is of a key the keyring does not hold.
    UnknownSigner {
        /// The key's fingerprint.
        fingerprint: String
    } => "unknown-signer", TRUST, "is signed by the key {fingerprint}, which is not trusted here";
    /// The key may not sign packs of this id.
    KeyMayNotSign {
        /// The key's name.
        key: String,
        /// The pack's id.
        id: String
    } => "key-may-not-sign", "add the pack's id to `may-sign` of the key, if the key is meant for it", "is signed by key `{key}`, which may not sign `{id}`";
    /// The key's validity has ended.
    KeyExpired {
        /// The key's name.
        key: String
    } => "key-expired", PUBLISHER, "is signed by key `{key}`, whose validity has ended";
    /// The key's validity has not begun.
    KeyNotYetValid {
        /// The key's name.
        key: String
    } => "key-not-yet-valid", PUBLISHER, "is signed by key `{key}`, whose validity has not begun";
    /// The key was revoked.
    KeyRevoked {
        /// The key's name.
        key: String,
        /// Why, as the keyring says.
        reason: String
    } => "key-revoked", PUBLISHER, "is signed by key `{key}`, which was revoked: {reason}";
    /// Fewer trusted signatures than needed.
    ThresholdNotMet {
        /// Signatures that are needed.
        needed: usize,
        /// Trusted signatures there are.
        trusted: usize,
        /// Why the others do not count.
        others: String
    } => "threshold-not-met", "let the missing holders sign it with `greentic-pack sign`", "needs {needed} trusted signatures and has {trusted}{others}";
    /// No statement of what the pack holds.
    StatementMissing => "statement-missing", REBUILD, "has no statement of its files";
    /// The statement is not one.
    BadStatement {
        /// What is wrong.
        reason: String
    } => "bad-statement", REBUILD, "is not a valid statement: {reason}";
    /// The statement in the archive is not the signed one.
    StatementDiffers => "statement-differs", FETCH, "differs from the statement that was signed";
    /// The statement lists a file the archive does not hold.
    FileMissing => "file-missing", FETCH, "is stated and not there";
    /// The archive holds a file that the statement does not list.
    FileNotStated => "file-not-stated", FETCH, "is there and not stated";
    /// A file's SHA-256 differs from the stated one.
    DigestMismatch => "digest-mismatch", FETCH, "does not have the SHA-256 that was stated";

    /// A file stands outside the layout of a pack.
    OutsideLayout => "outside-layout", REBUILD, "has no place in a pack; files go under `assets/`";
    /// There is no manifest.
    ManifestMissing => "manifest-missing", REBUILD, "is missing";
    /// There is no list of materials.
    SbomMissing => "sbom-missing", REBUILD, "is missing";
    /// The list of materials is not CycloneDX.
    BadSbom {
        /// What is wrong.
        reason: String
    } => "bad-sbom", REBUILD, "is not a CycloneDX document: {reason}";
    /// The manifest is not valid CBOR of the manifest's shape.
    BadManifest {
        /// What is wrong.
        reason: String
    } => "bad-manifest", NEWER, "is not a valid manifest: {reason}";
    /// The manifest nests deeper than the limit.
    ManifestTooDeep {
        /// Levels that are allowed.
        limit: usize
    } => "manifest-too-deep", REBUILD, "nests deeper than {limit} levels";
    /// Bytes follow the manifest's one value.
    ManifestTrailing => "manifest-trailing", REBUILD, "has bytes after its value";
    /// The manifest is not in the one form this format has.
    ManifestNotCanonical => "manifest-not-canonical", REBUILD, "is not in canonical form";
    /// The manifest is of another schema.
    ManifestSchema {
        /// The schema it states.
        found: String
    } => "manifest-schema", NEWER, "is of schema `{found}`, not `greentic.pack-manifest.v1`";
    /// Id or version of manifest and statement differ.
    IdentityMismatch {
        /// What the manifest states.
        manifest: String,
        /// What the statement states.
        statement: String
    } => "identity-mismatch", FETCH, "says it is `{manifest}`, and the statement says `{statement}`";
    /// A name, id or version does not have its form.
    BadName {
        /// What it names.
        what: &'static str,
        /// The text.
        value: String
    } => "bad-name", "correct it in pack.yaml and build the pack again", "has a {what} `{value}` that does not have the form it must have";
    /// Two things of one kind have one name.
    DuplicateName {
        /// What it names.
        what: &'static str,
        /// The name.
        value: String
    } => "duplicate-name", "correct it in pack.yaml and build the pack again", "has two {what}s of the name `{value}`";
    /// The manifest names a file that is not there.
    DanglingFile => "dangling-file", REBUILD, "is named by the manifest and not there";
    /// A file is there that the manifest does not name.
    UnlistedFile => "unlisted-file", REBUILD, "is there and not named by the manifest";
    /// A component's digest in the manifest differs from its bytes.
    ComponentDigest => "component-digest", REBUILD, "does not have the SHA-256 its manifest states";
}
