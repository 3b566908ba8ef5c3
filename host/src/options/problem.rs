//! What is wrong with a `tandem.toml`: where, what, and what to write instead.

use std::{fmt, ops::Range, path::PathBuf, sync::Arc};

use miette::{Diagnostic, LabeledSpan, NamedSource, Severity, SourceCode};

/// The file's name and text, for the snippets.
pub type Source = NamedSource<Arc<str>>;

/// One thing that is wrong, or that somebody should know.
#[derive(Debug, Clone)]
pub struct Problem {
    message: String,
    help: Option<String>,
    warning: bool,
    at: Option<Range<usize>>,
    line: Option<usize>,
    source: Source,
}

impl Problem {
    /// `at`: bytes of the text; none: the whole file is meant.
    pub(super) fn new(source: &Source, at: Option<Range<usize>>, message: impl Into<String>) -> Self {
        let before = at.as_ref().and_then(|at| source.inner().get(..at.start));
        let line = before.map(|before| before.matches('\n').count() + 1);
        Problem { message: message.into(), help: None, warning: false, at, line, source: source.clone() }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(super) fn warning(mut self) -> Self {
        self.warning = true;
        self
    }

    /// Where it stands, for the order in which problems are told.
    pub(super) fn offset(&self) -> Option<usize> {
        self.at.as_ref().map(|at| at.start)
    }

    /// What to do about it.
    #[must_use]
    pub fn advice(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// The line of the file, from 1.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        self.line
    }

    /// Whether Tandem runs with it all the same.
    #[must_use]
    pub fn is_warning(&self) -> bool {
        self.warning
    }
}

/// What is wrong; the place stands in the snippet, and in [`Problem::line`].
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

impl Diagnostic for Problem {
    fn severity(&self) -> Option<Severity> {
        Some(if self.warning { Severity::Warning } else { Severity::Error })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.at.as_ref().map(|_| &self.source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let at = self.at.clone()?;
        Some(Box::new(std::iter::once(LabeledSpan::new(Some("here".into()), at.start, at.len()))))
    }
}

/// Why there are no options.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum OptionsError {
    /// No file of that name.
    #[error("there is no options file {}", path.display())]
    #[diagnostic(help(
        "name the file with --config FILE; `tandem new --lang rust NAME` writes a project with one, docs/options.md lists every option"
    ))]
    Missing {
        /// As it was asked for.
        path: PathBuf,
    },
    /// The file is there and cannot be read.
    #[error("cannot read the options file {}", path.display())]
    #[diagnostic(help("it must be a text file (UTF-8) that the user who runs tandem may read"))]
    Unreadable {
        /// As it was asked for.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
    /// The file says things that cannot be; all that were found, in the order of the file.
    #[error("{name}: {} in the options", count(problems.len()))]
    Wrong {
        /// The file.
        name: String,
        /// At least one.
        #[related]
        problems: Vec<Problem>,
    },
}

fn count(problems: usize) -> String {
    match problems {
        1 => "one mistake".into(),
        more => format!("{more} mistakes"),
    }
}
