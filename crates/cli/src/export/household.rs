//! `continuum export --household ID`: all that is held on one person, for that person, to read and for machines.

use std::fs::File;
use std::io::{BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use domain::id::{HouseholdId, PersonId};

use crate::client::{Client, DEFAULT_URL};
use crate::credentials::Credentials;

/// The copy of a household's file for one of its persons.
#[derive(Debug, Args)]
pub(super) struct OfHousehold {
    /// The household whose file is copied for one of its persons: a page to read and a file for machines.
    #[arg(long, value_name = "ID")]
    pub(super) household: Option<HouseholdId>,
    /// Who asked for it; the main applicant if absent.
    #[arg(long, value_name = "ID", requires = "household")]
    person: Option<PersonId>,
    /// The directory to write into.
    #[arg(long, value_name = "DIR", default_value = ".", requires = "household")]
    out: PathBuf,
    /// The language of the page.
    #[arg(long, value_enum, default_value_t, requires = "household")]
    language: Language,
    /// Free notes were read again and say nothing of others: only needed where another adult is or was of the household.
    #[arg(long, requires = "household")]
    notes_reread: bool,
    /// Where the instance listens.
    #[arg(long, visible_alias = "to", value_name = "URL", default_value = DEFAULT_URL, requires = "household")]
    url: String,
    #[command(flatten)]
    credentials: Credentials,
}

/// The language of the page.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Language {
    /// French.
    #[default]
    Fr,
    /// English.
    En,
}

/// The two forms, each with the last bytes by which a whole one is known.
const FORMS: [(&str, &str); 2] = [("html", "</html>\n"), ("json", "\"complete\":true}\n")];

impl OfHousehold {
    /// Writes both files.
    ///
    /// # Errors
    /// An instance that does not answer, a household that is not the caller's to see, a file that cannot be written, an
    /// answer that breaks off.
    pub(super) async fn run(self, household: HouseholdId) -> anyhow::Result<()> {
        let client = Client::new(&self.url, self.credentials.token()?)?;
        let path = format!("/api/v1/households/{household}/export");
        let mut query = vec![(
            "language",
            match self.language {
                Language::Fr => "fr",
                Language::En => "en",
            }
            .to_owned(),
        )];
        query.extend(self.person.map(|person| ("person", person.to_string())));
        query.extend(self.notes_reread.then(|| ("notes", "reread".to_owned())));
        std::fs::create_dir_all(&self.out).with_context(|| cannot(&self.out))?;
        for (format, last) in FORMS {
            let file = self.out.join(format!("household-{household}.{format}"));
            let query: Vec<_> = query.iter().cloned().chain([("format", format.to_owned())]).collect();
            written(&client, &path, &query, &self.out, &file, last).await?;
            println!("{}", file.display());
        }
        Ok(())
    }
}

/// Writes one answer as it comes: its owner's alone to read, and there once it is whole.
async fn written(
    client: &Client,
    path: &str,
    query: &[(&str, String)],
    dir: &Path,
    file: &Path,
    last: &str,
) -> anyhow::Result<()> {
    let mut part = tempfile::NamedTempFile::new_in(dir).with_context(|| cannot(file))?;
    let mut to = BufWriter::new(part.as_file_mut());
    client.copy(path, query, &mut to).await?;
    to.flush().with_context(|| cannot(file))?;
    drop(to);
    if !ends_with(part.as_file_mut(), last).with_context(|| cannot(file))? {
        bail!("the answer broke off before its end: ask again");
    }
    part.as_file().sync_all().with_context(|| cannot(file))?;
    part.persist(file).with_context(|| cannot(file))?;
    Ok(())
}

/// Whether the file ends with these bytes.
fn ends_with(file: &mut File, last: &str) -> std::io::Result<bool> {
    let length = i64::try_from(last.len()).unwrap_or(i64::MAX);
    if file.metadata()?.len() < last.len() as u64 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-length))?;
    let mut end = Vec::new();
    file.read_to_end(&mut end)?;
    Ok(end == last.as_bytes())
}

fn cannot(path: &Path) -> String {
    format!("cannot write {}", path.display())
}
