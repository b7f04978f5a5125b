//! Making a backup.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use async_nats::jetstream::context::GetStreamErrorKind;
use async_nats::jetstream::{self, Context, ErrorCode};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::record::Record;
use super::{BackupError, MANIFEST, Manifest, OTHERS, Stored, Told, VERSION};
use crate::config::KEYS;
use crate::journal::Journal;
use crate::keys::control::HANDOVER;
use crate::keys::epoch_in_force;
use crate::scan::Scan;

/// Copies every stream of the journal's broker into the directory `to`, which is made if it does not exist. `program` and
/// `at` go into the manifest. Work goes on meanwhile: what is recorded after the journal was begun is in the next backup.
///
/// # Errors
/// [`BackupError`]. A directory without a manifest is no backup: remove it.
pub async fn take(
    journal: &Journal,
    to: &Path,
    program: &str,
    at: Timestamp,
    told: &mut Told<'_>,
) -> Result<Manifest, BackupError> {
    prepare(to)?;
    let jetstream = jetstream::new(journal.link().client.clone());
    // Seals before the events they are about, keys after them.
    let events = journal.config().partitions.streams().into_iter().map(|(name, _)| name);
    let names = OTHERS.map(str::to_owned).into_iter().chain(events).chain([KEYS.to_owned()]);
    let mut manifest = Manifest {
        continuum_backup: VERSION,
        program: program.to_owned(),
        made_at: at,
        epoch: None,
        streams: Vec::new(),
    };
    for name in names {
        if exists(&jetstream, &name).await? {
            let stored = copy(&jetstream, &name, to, &mut manifest.epoch, told).await?;
            manifest.streams.push(stored);
        }
    }
    write_manifest(&manifest, to).map_err(BackupError::io("cannot write", &to.join(MANIFEST)))?;
    Ok(manifest)
}

fn prepare(to: &Path) -> Result<(), BackupError> {
    fs::create_dir_all(to).map_err(BackupError::io("cannot make", to))?;
    let mut there = fs::read_dir(to).map_err(BackupError::io("cannot read", to))?;
    if there.next().is_some() {
        return Err(BackupError::Occupied(to.to_owned()));
    }
    // Sealed as they are, names of households and dates are nobody's business.
    let owner = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    fs::set_permissions(to, owner).map_err(BackupError::io("cannot protect", to))
}

async fn exists(jetstream: &Context, name: &str) -> Result<bool, BackupError> {
    match jetstream.get_stream(name).await {
        Ok(_) => Ok(true),
        Err(e) => match e.kind() {
            GetStreamErrorKind::JetStream(error) if error.error_code() == ErrorCode::STREAM_NOT_FOUND => {
                Ok(false)
            }
            GetStreamErrorKind::JetStream(_)
            | GetStreamErrorKind::Request
            | GetStreamErrorKind::EmptyName
            | GetStreamErrorKind::InvalidStreamName => Err(BackupError::broker("tell its streams")(e)),
        },
    }
}

async fn copy(
    jetstream: &Context,
    name: &str,
    to: &Path,
    epoch: &mut Option<u32>,
    told: &mut Told<'_>,
) -> Result<Stored, BackupError> {
    let stream = jetstream.get_stream(name).await.map_err(BackupError::broker("tell its streams"))?;
    let info = stream.cached_info();
    let mut stored = Stored {
        file: format!("{name}.records"),
        first: 0,
        last: 0,
        messages: 0,
        sha256: String::new(),
        stream: info.config.clone(),
    };
    let path = to.join(&stored.file);
    let write = || BackupError::io("cannot write", &path);
    let mut file = Hashed::create(&path).map_err(write())?;
    let mut scan = Scan::begin(jetstream, name).await.map_err(BackupError::broker("read a stream"))?;
    let mut came_to = 0;
    told(name, 0, scan.messages());
    loop {
        let found = scan.next().await.map_err(BackupError::broker("read a stream"))?;
        if found.is_empty() {
            break;
        }
        came_to += u64::try_from(found.len()).unwrap_or(0);
        for one in found.iter().filter(|one| one.message.subject.as_str() != HANDOVER) {
            if stored.is_exact() && stored.last > 0 && one.sequence != stored.last + 1 {
                return Err(BackupError::Gap { stream: name.to_owned(), position: stored.last + 1 });
            }
            let record = Record::of(one);
            if let Some(in_force) = epoch_in_force(&record.subject, &record.body)? {
                *epoch = Some(in_force);
            }
            record.write(&mut file).map_err(write())?;
            stored.first = if stored.first == 0 { one.sequence } else { stored.first };
            stored.last = one.sequence;
            stored.messages += 1;
        }
        told(name, came_to, scan.messages());
    }
    if stored.is_exact() && stored.last < info.state.last_sequence {
        return Err(BackupError::Gap { stream: name.to_owned(), position: stored.last + 1 });
    }
    stored.sha256 = file.finish().map_err(write())?;
    Ok(stored)
}

fn write_manifest(manifest: &Manifest, to: &Path) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(to)?;
    serde_json::to_writer_pretty(&mut file, manifest)?;
    file.write_all(b"\n")?;
    file.as_file().sync_all()?;
    file.persist(to.join(MANIFEST)).map_err(|e| e.error)?;
    File::open(to)?.sync_all()
}

/// A file that knows the SHA-256 of what was written to it.
struct Hashed {
    file: BufWriter<File>,
    hash: Sha256,
}

impl Hashed {
    fn create(path: &Path) -> io::Result<Self> {
        Ok(Self { file: BufWriter::new(File::create_new(path)?), hash: Sha256::new() })
    }

    fn finish(mut self) -> io::Result<String> {
        self.file.flush()?;
        self.file.get_ref().sync_all()?;
        Ok(super::verify::hexadecimal(&self.hash.finalize()))
    }
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
