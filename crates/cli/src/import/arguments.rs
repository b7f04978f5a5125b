//! The verb: what it reads from the command line, and what it tells.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Args;
use domain::calendar::Day;
use domain::id::{OrganisationId, Territory};
use domain::reference::DuplicateReviewReason;
use jiff::civil::Date;

use super::columns::Unknown;
use super::http::Instance;
use super::kinds::{Kind, Planned};
use super::origin::Origin;
use super::review::Reviewing;
use super::send::send;
use super::verdict::{Report, Verdict};
use super::{table, template};
use crate::credentials::Credentials;
use crate::progress::Progress;

/// What the program ends with when some lines were refused.
const SOME_REFUSED: u8 = 2;
/// The most verdicts that are written to the terminal: the file of refused lines has them all.
const TOLD_MAX: usize = 50;

/// Import households, structures, places, stays, housing applications or a request of the SNE.
///
/// Every line gets a verdict. Good lines are taken; refused ones come back in FILE.refused.csv with line, column and
/// reason (FILE.refused.xml for sne). Importing the same file again changes nothing.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  continuum import households --template > menages.csv\n  continuum import households --columns\n  continuum import structures structures.xlsx --to http://127.0.0.1:8080 --organisation 33-0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90\n  continuum import sne demande.xml --to https://continuum.example --organisation 33-0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90\n\nThe order of files: structures, places, households, stays, applications. Ends with 0 when all lines were taken,\nwith 2 when some were refused, with 1 when the import could not go on.\n\nWhere the services are five processes, --to is the proxy in front of them: households are asked of intake, structures,\nplaces and stays of insertion, buildings, dwellings and applications of landlord. A service alone does not know the paths\nof the others."
)]
pub struct Import {
    /// What the file holds.
    #[arg(value_enum)]
    kind: Kind,
    /// The file: CSV, XLSX, ODS or XLS; XML for sne.
    #[arg(value_name = "FILE", required_unless_present_any = ["template", "columns"])]
    file: Option<PathBuf>,
    /// The running instance.
    #[arg(long, visible_alias = "url", value_name = "URL", required_unless_present_any = ["template", "columns", "dry_run"])]
    to: Option<String>,
    /// On whose behalf: the id of your organisation.
    #[arg(long, value_name = "ID", env = "CONTINUUM_ORGANISATION", required_unless_present_any = ["template", "columns"])]
    organisation: Option<OrganisationId>,
    #[command(flatten)]
    credentials: Credentials,
    /// The département of the households, and of places that name none; that of the organisation if absent.
    #[arg(long, value_name = "CODE")]
    territory: Option<Territory>,
    /// The name of the system the references are of, if you import from several whose references could meet.
    #[arg(long, value_name = "NAME", default_value = "")]
    source: String,
    /// Who imported the households that the file refers to, if it was another organisation.
    #[arg(long, value_name = "ID")]
    households_of: Option<OrganisationId>,
    /// Who imported the structures and places that the file refers to, if it was another organisation.
    #[arg(long, value_name = "ID")]
    places_of: Option<OrganisationId>,
    /// The sheet of a workbook; the first one if absent.
    #[arg(long, value_name = "NAME")]
    sheet: Option<String>,
    /// For sne: the last renewal of the applications, which the file does not tell. One filed more than a year ago is no
    /// longer valid without.
    #[arg(long, value_name = "DATE")]
    renewed_on: Option<Date>,
    /// Take households too that look like others which are registered, with this reason in each: imported, other_person…
    /// Without it they are refused as possible duplicates.
    #[arg(long, value_name = "REASON")]
    duplicates_reviewed: Option<DuplicateReviewReason>,
    /// Check the file without sending anything.
    #[arg(long)]
    dry_run: bool,
    /// Tell the verdict of every line, not only of refused ones.
    #[arg(long)]
    verbose: bool,
    /// Print a file to fill in, with the headings and an invented line.
    #[arg(long, conflicts_with_all = ["file", "columns"])]
    template: bool,
    /// Print what each column is for, and the choices of closed lists.
    #[arg(long, conflicts_with = "file")]
    columns: bool,
}

impl Import {
    /// Imports the file.
    ///
    /// # Errors
    /// When the file cannot be read, its headings are not those of its kind, or the instance cannot be asked. Refused
    /// lines are no error: they are told by the exit code.
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        if self.template {
            let template = template::template(self.kind)
                .context("there is no template: the file is XML from the SNE")?;
            print!("{template}");
            return Ok(ExitCode::SUCCESS);
        }
        if self.columns {
            println!("{}{}", template::columns(self.kind), template::choices());
            return Ok(ExitCode::SUCCESS);
        }
        let (Some(file), Some(organisation)) = (&self.file, self.organisation) else {
            bail!("a file and an organisation are needed");
        };
        if self.renewed_on.is_some() && self.kind != Kind::Sne {
            bail!("--renewed-on is for sne: other files have a column for it");
        }
        self.import(file, &self.origin(organisation)).await
    }

    fn origin(&self, organisation: OrganisationId) -> Origin {
        Origin {
            organisation,
            territory: self.territory.unwrap_or_else(|| organisation.territory()),
            source: self.source.clone(),
            households_of: self.households_of.unwrap_or(organisation),
            places_of: self.places_of.unwrap_or(organisation),
            renewed_on: self.renewed_on.map(Day),
        }
    }

    async fn import(&self, file: &Path, origin: &Origin) -> anyhow::Result<ExitCode> {
        let named = || format!("import impossible de {}", file.display());
        let bytes = table::bytes(file).with_context(named)?;
        let Planned { table, plan, unknown, told, form } =
            self.kind.plan(&bytes, self.sheet.as_deref(), origin).with_context(named)?;
        unknown.iter().for_each(warn);
        told.iter().for_each(|line| println!("{line}"));
        let (report, stopped) = if self.dry_run {
            (rehearse(plan), None)
        } else {
            let token = self.credentials.token()?;
            let to = self.to.as_deref().context("--to is needed: the address of the instance")?;
            let instance = Reviewing::new(Instance::at(to, token.as_deref())?, self.duplicates_reviewed);
            let total = u64::try_from(table.lines.len()).unwrap_or(u64::MAX);
            let mut progress = Progress::begin(format!("import {}", self.kind.name()), total);
            let done = |lines: usize| progress.at(u64::try_from(lines).unwrap_or(u64::MAX));
            let (report, stopped) = send(plan, &instance, done).await;
            progress.end("done");
            (report, stopped)
        };
        self.tell(&report);
        if let Some(path) =
            report.write_refused(&table, &form, file).context("les lignes refusées ne s'écrivent pas")?
        {
            println!("Lignes refusées : {}", path.display());
        }
        match stopped {
            Some(stopped) => Err(stopped.into()),
            None if report.counts().refused > 0 => Ok(ExitCode::from(SOME_REFUSED)),
            None => Ok(ExitCode::SUCCESS),
        }
    }

    fn tell(&self, report: &Report) {
        let verdicts = report.verdicts(self.verbose);
        let shown = if self.verbose { verdicts.len() } else { TOLD_MAX };
        verdicts.iter().take(shown).for_each(|verdict| println!("{verdict}"));
        if verdicts.len() > shown {
            println!("… et {} autres motifs dans le fichier des lignes refusées.", verdicts.len() - shown);
        }
        println!("{}", report.summary());
    }
}

fn warn(unknown: &Unknown) {
    let Unknown { heading, nearest } = unknown;
    match nearest {
        Some(near) => {
            eprintln!("colonne « {heading} » inconnue, laissée de côté (vouliez-vous dire « {near} » ?)")
        }
        None => eprintln!("colonne « {heading} » inconnue, laissée de côté"),
    }
}

/// The report of a file that is only checked: what can be seen without the instance.
fn rehearse(plan: super::plan::Plan) -> Report {
    let mut report = Report::default();
    let lines: Vec<u64> = plan.chains.iter().flatten().flat_map(|job| job.lines.iter().copied()).collect();
    report.lines.extend(lines.into_iter().map(|line| (line, Verdict::NotAsked)));
    let refused = plan.refused.into_iter();
    report.lines.extend(refused.map(|refused| (refused.line, Verdict::Refused(refused.faults))));
    report
}
