//! Writing: changes into the newest file, and now and then all there is into a new one.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::fault::Fault;
use crate::frame;
use crate::opening::Format;

/// Records written at once while a file is begun.
const CHUNK: usize = 1 << 20;
/// A file is not begun anew before it has grown by so many bytes.
const GROWTH: u64 = 32 << 20;

/// A journal that is open for writing.
pub struct Journal {
    folder: PathBuf,
    format: Format,
    owner: u64,
    number: u64,
    path: PathBuf,
    file: File,
    /// The frame that is not written.
    pending: Vec<u8>,
    /// Bytes of the file, and how many of them are on the disk.
    written: u64,
    synced: u64,
    /// How long the file was when it had been begun.
    base: u64,
    failed: Option<Fault>,
}

/// Takes the records of a state.
pub struct Sink<'file> {
    file: &'file mut File,
    path: &'file Path,
    frame: Vec<u8>,
    written: u64,
    failed: Option<Fault>,
}

impl Sink<'_> {
    /// Adds a record.
    pub fn add(&mut self, record: &[u8]) {
        frame::add(&mut self.frame, record);
        if self.frame.len() >= CHUNK {
            self.flush(0);
        }
    }

    /// Says that the state is whole, with a record without bytes that knows everything before it to be on the disk: it counts only then.
    fn end(&mut self, before: u64) {
        if self.frame.len() > frame::HEAD {
            self.flush(0);
        }
        frame::add(&mut self.frame, &[]);
        self.flush(before + self.written);
    }

    fn flush(&mut self, synced: u64) {
        if self.failed.is_none() {
            match write(self.file, self.path, &mut self.frame, synced) {
                Ok(length) => self.written += length,
                Err(fault) => self.failed = Some(fault),
            }
        }
        self.frame.truncate(frame::HEAD);
    }
}

impl Journal {
    /// Begins a file with a state. The file counts from when it is whole and has its name.
    pub(crate) fn begin(
        folder: &Path,
        format: Format,
        owner: u64,
        number: u64,
        state: impl FnOnce(&mut Sink<'_>),
    ) -> Result<Self, Fault> {
        let path = folder.join(name(number, owner, "journal"));
        let unfinished = folder.join(name(number, owner, "new"));
        let (file, written) = match write_state(&unfinished, format, state) {
            Ok(whole) => whole,
            Err(fault) => {
                // What is left of it takes room, which may be what there was none of.
                drop(fs::remove_file(&unfinished));
                return Err(fault);
            }
        };
        fs::rename(&unfinished, &path).map_err(|error| Fault::io("cannot name", &path, &error))?;
        sync_folder(folder)?;
        Ok(Self {
            folder: folder.into(),
            format,
            owner,
            number,
            path,
            file,
            pending: frame::begin(),
            written,
            synced: written,
            base: written,
            failed: None,
        })
    }

    /// Appends a record. It is kept from the next [`Journal::sync`] on.
    pub fn append(&mut self, record: &[u8]) {
        frame::add(&mut self.pending, record);
    }

    /// Bytes appended and not written.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.pending.len() - frame::HEAD
    }

    /// Writes what was appended, without waiting for the disk: it survives the end of the process.
    ///
    /// # Errors
    /// When it cannot be written; the journal has to be opened anew then, for nobody knows what the file holds.
    pub fn write(&mut self) -> Result<(), Fault> {
        if let Some(fault) = &self.failed {
            return Err(fault.clone());
        }
        if self.pending() == 0 {
            return Ok(());
        }
        let written = write(&mut self.file, &self.path, &mut self.pending, self.synced);
        self.pending.truncate(frame::HEAD);
        self.pending.shrink_to(CHUNK);
        match written {
            Ok(length) => self.written += length,
            Err(fault) => return Err(self.fail(fault)),
        }
        Ok(())
    }

    /// Puts everything appended until now on the disk.
    ///
    /// # Errors
    /// When it cannot be, or when somebody else has taken over the folder; the journal is of no more use then.
    pub fn sync(&mut self) -> Result<(), Fault> {
        self.write()?;
        if self.synced == self.written {
            return Ok(());
        }
        if let Err(error) = self.file.sync_data() {
            let fault = Fault::io("cannot sync", &self.path, &error);
            return Err(self.fail(fault));
        }
        // Only now: whoever takes the folder over reads the file after renaming it, so what was synced before that is seen.
        if let Err(fault) = self.still_mine() {
            return Err(self.fail(fault));
        }
        self.synced = self.written;
        Ok(())
    }

    /// Whether the file has grown so much that the state should be written anew.
    #[must_use]
    pub fn has_grown(&self) -> bool {
        self.written > self.base.saturating_mul(2).saturating_add(GROWTH)
    }

    /// Writes the state into a new file and forgets the old one.
    ///
    /// # Errors
    /// As [`Journal::sync`]; when there is no room for the new file the journal goes on with the old one, and `Ok(false)` says so.
    pub fn rewrite(&mut self, state: impl FnOnce(&mut Sink<'_>)) -> Result<bool, Fault> {
        self.sync()?;
        let number = self.number + 1;
        match Self::begin(&self.folder, self.format, self.owner, number, state) {
            Ok(begun) => {
                if let Err(fault) = self.still_mine() {
                    drop(fs::remove_file(&begun.path));
                    return Err(self.fail(fault));
                }
                // The newer one counts whether this one is there or not.
                drop(fs::remove_file(&self.path));
                *self = begun;
                Ok(true)
            }
            Err(_) => {
                // Not again at once: when the file has grown by as much once more.
                self.base = self.written;
                Ok(false)
            }
        }
    }

    fn still_mine(&self) -> Result<(), Fault> {
        match fs::metadata(&self.path) {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(Fault::Taken),
            Err(error) => Err(Fault::io("cannot look at", &self.path, &error)),
        }
    }

    fn fail(&mut self, fault: Fault) -> Fault {
        self.failed = Some(fault.clone());
        fault
    }
}

fn write_state(
    path: &Path,
    format: Format,
    state: impl FnOnce(&mut Sink<'_>),
) -> Result<(File, u64), Fault> {
    let fault = |what, error| Fault::io(what, path, &error);
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .open(path)
        .map_err(|error| fault("cannot create", error))?;
    let line = format.line();
    file.write_all(line.as_bytes())
        .map_err(|error| fault("cannot write", error))?;
    let mut sink = Sink {
        file: &mut file,
        path,
        frame: frame::begin(),
        written: 0,
        failed: None,
    };
    state(&mut sink);
    sink.end(length(line.len()));
    let (written, failed) = (sink.written, sink.failed);
    if let Some(fault) = failed {
        return Err(fault);
    }
    file.sync_all()
        .map_err(|error| fault("cannot sync", error))?;
    Ok((file, length(line.len()) + written))
}

/// Writes a frame and returns its length.
fn write(file: &mut File, path: &Path, frame: &mut [u8], synced: u64) -> Result<u64, Fault> {
    frame::seal(frame, synced);
    file.write_all(frame)
        .map_err(|error| Fault::io("cannot write", path, &error))?;
    Ok(length(frame.len()))
}

pub(crate) fn name(number: u64, owner: u64, kind: &str) -> String {
    format!("{number:016}.{owner:016x}.{kind}")
}

/// A new name is there after a power failure only when its folder was synced. Systems that cannot do that order it by themselves.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), Fault> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    match synced {
        Err(error)
            if !matches!(
                error.kind(),
                ErrorKind::Unsupported
                    | ErrorKind::InvalidInput
                    | ErrorKind::PermissionDenied
                    | ErrorKind::IsADirectory
            ) =>
        {
            Err(Fault::io("cannot sync", folder, &error))
        }
        _ => Ok(()),
    }
}

pub(crate) fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
