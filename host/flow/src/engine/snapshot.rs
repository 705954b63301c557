//! What a conversation remembers between turns.
//!
//! Flows and nodes stand in it by name, so a snapshot outlives a new version of the flow as long as the node it waits at
//! is still there. Only outputs that a later node can still read are kept.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::FlowError;
use super::packed::{Packed, PackedMap, Unpacked, UnpackedMap};

/// First byte of every snapshot.
const VERSION: u8 = 1;

/// Largest snapshot, in bytes; the contract's limit.
pub const MAX_SNAPSHOT: usize = 256 * 1024;

/// Why the conversation rests at a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// At `session.wait`.
    Waiting,
    /// No conditional route held; they are tried again with the next event.
    Parked,
    /// At `slots.fill`, after so many answers that did not fit.
    Asking(u32),
    /// At `flow.call`, while the frame above runs.
    Calling,
}

/// A flow in progress.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedFrame {
    /// Flow id.
    pub flow: String,
    /// Node id.
    pub node: String,
    /// Why there.
    pub phase: Phase,
    /// Node whose output `prev` was.
    pub prev: Option<String>,
    /// Outputs by node id.
    pub outputs: Vec<(String, Value)>,
    /// Filled slots.
    pub slots: Map<String, Value>,
    /// Parameters the caller passed.
    pub arguments: Map<String, Value>,
}

/// A conversation at rest, the called flow last.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// The call stack.
    pub frames: Vec<SavedFrame>,
    /// Conversation variables.
    pub vars: Map<String, Value>,
}

#[derive(Serialize)]
struct FrameOut<'a> {
    flow: &'a str,
    node: &'a str,
    phase: Phase,
    prev: Option<&'a str>,
    outputs: Vec<(&'a str, Packed<'a>)>,
    slots: PackedMap<'a>,
    arguments: PackedMap<'a>,
}

#[derive(Deserialize)]
struct FrameIn {
    flow: String,
    node: String,
    phase: Phase,
    prev: Option<String>,
    outputs: Vec<(String, Unpacked)>,
    slots: UnpackedMap,
    arguments: UnpackedMap,
}

impl Snapshot {
    /// The bytes for the session store.
    ///
    /// # Errors
    /// When it is larger than [`MAX_SNAPSHOT`].
    pub fn encode(&self) -> Result<Vec<u8>, FlowError> {
        let frames: Vec<FrameOut<'_>> = self
            .frames
            .iter()
            .map(|frame| FrameOut {
                flow: &frame.flow,
                node: &frame.node,
                phase: frame.phase,
                prev: frame.prev.as_deref(),
                outputs: frame
                    .outputs
                    .iter()
                    .map(|(node, value)| (node.as_str(), Packed(value)))
                    .collect(),
                slots: PackedMap(&frame.slots),
                arguments: PackedMap(&frame.arguments),
            })
            .collect();
        let bytes = postcard::to_extend(&(frames, PackedMap(&self.vars)), vec![VERSION]).map_err(
            |error| FlowError::Internal(format!("the snapshot cannot be written: {error}")),
        )?;
        if bytes.len() > MAX_SNAPSHOT {
            return Err(FlowError::TooLarge {
                what: "snapshot",
                limit: MAX_SNAPSHOT,
            });
        }
        Ok(bytes)
    }

    /// Reads what [`Self::encode`] wrote.
    ///
    /// # Errors
    /// [`FlowError::BadSnapshot`] for anything else.
    pub fn decode(bytes: &[u8]) -> Result<Self, FlowError> {
        let (version, rest) = bytes
            .split_first()
            .ok_or_else(|| FlowError::BadSnapshot("it is empty".to_owned()))?;
        if *version != VERSION {
            return Err(FlowError::BadSnapshot(format!(
                "its format is {version}, this engine reads {VERSION}"
            )));
        }
        let (frames, vars): (Vec<FrameIn>, UnpackedMap) = postcard::from_bytes(rest)
            .map_err(|error| FlowError::BadSnapshot(error.to_string()))?;
        let frame = |frame: FrameIn| SavedFrame {
            flow: frame.flow,
            node: frame.node,
            phase: frame.phase,
            prev: frame.prev,
            outputs: frame
                .outputs
                .into_iter()
                .map(|(node, value)| (node, value.0))
                .collect(),
            slots: frame.slots.0,
            arguments: frame.arguments.0,
        };
        Ok(Self {
            frames: frames.into_iter().map(frame).collect(),
            vars: vars.0,
        })
    }
}
