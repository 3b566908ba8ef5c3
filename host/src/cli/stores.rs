//! What commands share that look into a store: which one, and how it is read.

use std::path::{Path, PathBuf};

use miette::{Report, bail};
use tandem_store::Reader;

use crate::options::{Options, values::StoreUrl};

/// Where the store is.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct StoreArguments {
    /// The options file that names the store
    #[arg(long, value_name = "FILE", default_value = "tandem.toml")]
    pub config: PathBuf,
    /// The store's file itself, instead of the options file
    #[arg(long, value_name = "FILE", conflicts_with = "config")]
    pub store: Option<PathBuf>,
}

impl StoreArguments {
    /// Opens it for reading; an instance may be writing it meanwhile.
    pub fn open(&self) -> miette::Result<Box<dyn Reader>> {
        match &self.store {
            Some(path) => open(path),
            None => open_configured(&Options::load(&self.config)?.options),
        }
    }
}

pub(super) fn open_configured(options: &Options) -> miette::Result<Box<dyn Reader>> {
    match options.persistence.store() {
        StoreUrl::Sqlite(path) => open(path),
        _ => bail!(
            help = "sessions are kept with store = \"sqlite:PATH\" in [persistence]",
            "the options file keeps no journal, so there is nothing to look into"
        ),
    }
}

fn open(path: &Path) -> miette::Result<Box<dyn Reader>> {
    tandem_store::open_reader(path).map_err(Report::msg)
}
