//! Opening: the newest file is taken over, read, and followed by a new one.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use greentic_sdk::config;
use greentic_sdk::model::Error;

use crate::fault::{Fault, shown};
use crate::frame;
use crate::journal::{Journal, Sink, length, name, sync_folder};

/// What a file begins with.
const MAGIC: &str = "greentic journal";
/// How often the newest file may be taken by somebody else while it is looked for.
const TRIES: usize = 16;

/// What the records of a journal are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    /// Whose they are: a plugin's name, `[a-z-]+`.
    pub kind: &'static str,
    /// The version of the records.
    pub version: u32,
}

impl Format {
    pub(crate) fn line(self) -> String {
        format!("{MAGIC} {} {}\n", self.kind, self.version)
    }

    /// How long the line of this format is in a file that begins with one.
    fn check(self, path: &Path, bytes: &[u8]) -> Result<usize, Fault> {
        let foreign = || Fault::Foreign {
            path: shown(path),
            kind: self.kind.into(),
        };
        let end = bytes
            .iter()
            .take(128)
            .position(|byte| *byte == b'\n')
            .ok_or_else(foreign)?;
        let line =
            std::str::from_utf8(bytes.get(..end).unwrap_or_default()).map_err(|_| foreign())?;
        let found = line
            .strip_prefix(MAGIC)
            .and_then(|rest| rest.trim_start().split_once(' '))
            .filter(|(kind, _)| *kind == self.kind)
            .and_then(|(_, version)| version.parse::<u32>().ok())
            .ok_or_else(foreign)?;
        if found != self.version {
            return Err(Fault::Version {
                path: shown(path),
                found,
                known: self.version,
            });
        }
        Ok(end + 1)
    }
}

/// What to do about a file that is damaged before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Damage {
    /// Refuse to open it.
    #[default]
    Refuse,
    /// Go on with what stands before the damage, and keep the file.
    KeepBefore,
}

impl Damage {
    /// The configuration `after-damage`: `refuse`, which it is by itself, or `keep-before`.
    ///
    /// # Errors
    /// `invalid` for anything else.
    pub fn configured() -> Result<Self, Error> {
        match config::get("after-damage")?.as_deref() {
            None | Some("refuse") => Ok(Self::Refuse),
            Some("keep-before") => Ok(Self::KeepBefore),
            Some(other) => Err(Error::Invalid(format!(
                "config `after-damage`: `{other}` is neither `refuse` nor `keep-before`"
            ))),
        }
    }
}

/// A folder that was read and is to be written.
pub struct Opening {
    folder: PathBuf,
    format: Format,
    owner: u64,
    found: Option<(u64, PathBuf)>,
    damaged: bool,
    set_aside: Option<String>,
}

impl Opening {
    /// Takes the folder over and gives every record to `each`, in the order of writing. `owner` is a number nobody else has chosen.
    ///
    /// # Errors
    /// When the folder cannot be read or written, its newest file is not of this format, is damaged, or `each` refuses a record.
    pub fn read(
        folder: &Path,
        format: Format,
        owner: u64,
        damage: Damage,
        mut each: impl FnMut(&[u8]) -> Result<(), String>,
    ) -> Result<Self, Fault> {
        let mut opening = Self {
            folder: folder.into(),
            format,
            owner,
            found: None,
            damaged: false,
            set_aside: None,
        };
        let Some((number, path)) = take(folder, owner)? else {
            return Ok(opening);
        };
        let bytes = fs::read(&path).map_err(|error| Fault::io("cannot read", &path, &error))?;
        let mut at = format.check(&path, &bytes)?;
        let mut is_whole = false;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            let Some(frame) = frame::first(rest) else {
                break;
            };
            for record in frame::records(frame.records) {
                match record {
                    Some([]) => is_whole = true,
                    Some(record) => {
                        each(record).map_err(|reason| Fault::record(&path, reason))?;
                    }
                    None => return Err(Fault::record(&path, "it is cut off")),
                }
            }
            at += frame.length;
        }
        let rest = bytes.get(at..).unwrap_or_default();
        if !rest.is_empty() || !is_whole {
            let offset = length(at);
            // The state a file begins with was on the disk before the file had its name.
            if !is_whole || frame::knows(rest, offset) {
                opening.is_damaged(&path, number, offset, damage)?;
            } else {
                opening.is_torn(&path, number, rest)?;
            }
        }
        opening.found = Some((number, path));
        Ok(opening)
    }

    /// What of the newest file was not read, and where it is kept.
    #[must_use]
    pub fn set_aside(&self) -> Option<&str> {
        self.set_aside.as_deref()
    }

    /// Writes the state into a new file, which is the newest from then on.
    ///
    /// # Errors
    /// When it cannot be written, or somebody else has taken over the folder meanwhile.
    pub fn begin(self, state: impl FnOnce(&mut Sink<'_>)) -> Result<Journal, Fault> {
        let number = self.found.as_ref().map_or(1, |(number, _)| number + 1);
        let journal = Journal::begin(&self.folder, self.format, self.owner, number, state)?;
        if let Some((number, path)) = &self.found {
            let done = if self.damaged {
                fs::rename(path, self.folder.join(name(*number, self.owner, "damaged")))
            } else {
                fs::remove_file(path)
            };
            // Any other failure leaves a file with a lower number, which counts for nothing.
            if done.is_err_and(|error| error.kind() == ErrorKind::NotFound) {
                drop(fs::remove_file(self.folder.join(name(
                    number + 1,
                    self.owner,
                    "journal",
                ))));
                return Err(Fault::Taken);
            }
        }
        clean(&self.folder, number);
        Ok(journal)
    }

    /// What stands at this place is not what was written there.
    fn is_damaged(
        &mut self,
        path: &Path,
        number: u64,
        offset: u64,
        damage: Damage,
    ) -> Result<(), Fault> {
        if damage == Damage::Refuse {
            return Err(Fault::Damaged {
                path: shown(path),
                offset,
            });
        }
        self.damaged = true;
        self.set_aside = Some(format!(
            "{} is damaged at byte {offset}; what stands behind that is not used, the file is kept as {}",
            shown(path),
            name(number, self.owner, "damaged")
        ));
        Ok(())
    }

    /// The file ends with what was being written when the machine stopped.
    fn is_torn(&mut self, path: &Path, number: u64, rest: &[u8]) -> Result<(), Fault> {
        let kept = self.folder.join(name(number, self.owner, "torn"));
        fs::write(&kept, rest).map_err(|error| Fault::io("cannot write", &kept, &error))?;
        self.set_aside = Some(format!(
            "the last {} bytes of {} were being written when it stopped and were never acknowledged; they are kept as {}",
            rest.len(),
            shown(path),
            shown(&kept)
        ));
        Ok(())
    }
}

/// Makes the newest file ours.
fn take(folder: &Path, owner: u64) -> Result<Option<(u64, PathBuf)>, Fault> {
    for _ in 0..TRIES {
        let Some((number, path)) = newest(folder)? else {
            return Ok(None);
        };
        let mine = folder.join(name(number, owner, "journal"));
        match fs::rename(&path, &mine) {
            Ok(()) => {
                sync_folder(folder)?;
                return Ok(Some((number, mine)));
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(Fault::io("cannot take over", &path, &error)),
        }
    }
    Err(Fault::Taken)
}

fn newest(folder: &Path) -> Result<Option<(u64, PathBuf)>, Fault> {
    let files = files(folder)?;
    Ok(files
        .into_iter()
        .filter(|(_, kind, _)| kind == "journal")
        .map(|(number, _, path)| (number, path))
        .max())
}

/// The files of the folder that are named as ours are: number, kind, path.
fn files(folder: &Path) -> Result<Vec<(u64, String, PathBuf)>, Fault> {
    let fault = |error| Fault::io("cannot list", folder, &error);
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(fault)? {
        let entry = entry.map_err(fault)?;
        let name = entry.file_name();
        let mut parts = name.to_str().unwrap_or_default().splitn(3, '.');
        if let (Some(number), Some(_), Some(kind)) = (parts.next(), parts.next(), parts.next())
            && let Ok(number) = number.parse()
        {
            files.push((number, kind.to_owned(), entry.path()));
        }
    }
    Ok(files)
}

/// Takes away what a crash may have left: older files, and unfinished ones.
fn clean(folder: &Path, newest: u64) {
    for (number, kind, path) in files(folder).unwrap_or_default() {
        if (kind == "journal" && number < newest) || (kind == "new" && number <= newest) {
            drop(fs::remove_file(path));
        }
    }
}
