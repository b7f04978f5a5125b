//! What a restore needs to know of keys: which epoch a backup needs, what stands where a key is destroyed again, and the
//! key file of the restored instance.

use std::collections::BTreeSet;
use std::path::Path;

use super::control::{CONTROL, Control};
use super::file::{KeyFile, KeyFileError};
use super::{Escrow, KeyError, wrapping};

/// What `message`, found where a holder's key stands, is replaced by when that holder was erased since; `None` if it keeps
/// no key any more.
pub(crate) fn destroyed(message: &[u8]) -> Option<Vec<u8>> {
    let mark = wrapping::forgotten();
    (message != mark).then_some(mark)
}

/// The epoch in force according to a message of the stream `KEYS`; `None` if it is about something else.
pub(crate) fn epoch_in_force(subject: &str, message: &[u8]) -> Result<Option<u32>, KeyError> {
    if subject == CONTROL { Control::read(message).map(|control| Some(control.epoch)) } else { Ok(None) }
}

/// The epoch a holder's key is wrapped under.
pub(crate) fn epoch_of(message: &[u8]) -> Option<u32> {
    wrapping::epoch_of(message)
}

impl KeyFile {
    /// Makes the key file of an instance restored from a backup that needs `epochs`: the index key of this file, with the
    /// epochs from here or from the escrow. `control` is the message that says which of them is in force.
    ///
    /// # Errors
    /// [`KeyError::File`] with [`KeyFileError::Irretrievable`] if an epoch is in neither; those of making a file.
    pub(crate) fn for_restored(
        &self,
        epochs: &BTreeSet<u32>,
        control: &[u8],
        escrow: Option<&Escrow>,
        path: &Path,
    ) -> Result<(), KeyError> {
        let control = Control::read(control)?;
        let mut found = Vec::new();
        for number in epochs {
            let mut candidates: Vec<_> = self.epoch(*number).cloned().into_iter().collect();
            if let Some(escrow) = escrow {
                candidates.extend(escrow.keys(*number)?);
            }
            let meant =
                candidates.into_iter().find(|epoch| epoch.number != control.epoch || control.means(epoch));
            found.push(meant.ok_or(KeyFileError::Irretrievable { epoch: *number })?);
        }
        Ok(self.of_epochs(found).create(path, None)?)
    }
}
