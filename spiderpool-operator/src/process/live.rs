//! Settings that may change while the controller runs: those that the configuration file has.

use spiderpool_cni::agent::{ConfigurationError, ConfigurationFile, LogLevel};

use super::Settings;

/// The settings as they were given, and the file that goes before them.
#[derive(Debug)]
pub(super) struct Live {
    given: Settings,
    file: ConfigurationFile,
    level: LogLevel,
}

impl Live {
    /// Reads the file. Beside it the settings in force.
    pub(super) fn read(given: Settings, level: LogLevel) -> Result<(Self, Settings), ConfigurationError> {
        let (file, said) = ConfigurationFile::open(given.config_path.as_deref())?;
        let now = given.under(&said);
        level.set(now.log_level);
        Ok((Self { given, file, level }, now))
    }

    /// Waits for a change of the file; the settings in force from then on.
    pub(super) async fn changed(&mut self) -> Settings {
        let now = self.given.under(&self.file.changed().await);
        self.level.set(now.log_level);
        now
    }
}
