//! The machine's own package sources, read only: which mirror it uses, and with which key.

/// Where packages of the distribution come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    /// As the machine's own configuration has it.
    pub uri: String,
    /// A keyring's file; none: apt's own.
    pub signed_by: Option<String>,
}

impl Mirror {
    /// A line of `sources.list` for one suite of this mirror.
    pub fn line(&self, suite: &str) -> String {
        let options = self.signed_by.as_ref().map(|key| format!("[signed-by={key}] ")).unwrap_or_default();
        format!("deb {options}{} {suite} main\n", self.uri)
    }
}

/// The first mirror with the section `main` that is no security archive. `files`: name and text of each file of sources.
pub fn mirror(files: &[(String, String)]) -> Option<Mirror> {
    let found = files.iter().flat_map(|(name, text)| if name.ends_with(".sources") { stanzas(text) } else { lines(text) });
    found.into_iter().find(|mirror| !mirror.uri.contains("security"))
}

/// The newer form: `Key: value` lines, stanzas between empty lines.
fn stanzas(text: &str) -> Vec<Mirror> {
    let stanza = |stanza: &str| {
        let value = |key: &str| {
            let rest = |line: &str| {
                line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, rest)| rest.trim().to_owned())
            };
            stanza.lines().find_map(rest)
        };
        let has = |key: &str, word: &str| value(key).is_some_and(|words| words.split_whitespace().any(|it| it == word));
        let enabled = value("Enabled").is_none_or(|enabled| enabled != "no");
        let uri = value("URIs")?.split_whitespace().next()?.to_owned();
        // A key inside the file itself (several lines) cannot be handed on by name.
        let signed_by = value("Signed-By").filter(|path| path.starts_with('/'));
        (enabled && has("Types", "deb") && has("Components", "main")).then_some(Mirror { uri, signed_by })
    };
    text.split("\n\n").filter_map(stanza).collect()
}

/// The older form: `deb [options] URI suite component…`.
fn lines(text: &str) -> Vec<Mirror> {
    let line = |line: &str| {
        let rest = line.trim().strip_prefix("deb ")?.trim_start();
        let (options, rest) = match rest.strip_prefix('[') {
            Some(rest) => rest.split_once(']')?,
            None => ("", rest),
        };
        let signed_by = options.split_whitespace().find_map(|option| option.strip_prefix("signed-by=")).map(str::to_owned);
        let mut words = rest.split_whitespace();
        let uri = words.next()?.to_owned();
        words.skip(1).any(|component| component == "main").then_some(Mirror { uri, signed_by })
    };
    text.lines().filter_map(line).collect()
}

/// The newest package of this rustc, of `apt-cache madison`'s lines (`rust-src | 1.95.0+dfsg1-2 | …`).
pub fn version_of(madison: &str, rustc: &str) -> Option<String> {
    let versions = madison.lines().filter_map(|line| line.split('|').nth(1)).map(str::trim);
    let same = |version: &&str| version.strip_prefix(rustc).is_some_and(|rest| rest.starts_with(['+', '-', '~']));
    versions.into_iter().find(same).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, text: &str) -> (String, String) {
        (name.into(), text.into())
    }

    #[test]
    fn the_first_mirror_that_is_no_security_archive_counts() {
        let newer = "Types: deb\n# a comment\nURIs: http://mirror/security\nSuites: x\nComponents: main\n\nTypes: deb\nURIs: http://mirror/main http://other\nSuites: x\nComponents: main contrib\nSigned-By: /keys/a.gpg\n";
        let found = mirror(&[file("a.sources", newer)]).unwrap();
        assert_eq!(found, Mirror { uri: "http://mirror/main".into(), signed_by: Some("/keys/a.gpg".into()) });
        assert_eq!(found.line("suite"), "deb [signed-by=/keys/a.gpg] http://mirror/main suite main\n");
    }

    #[test]
    fn the_older_form_is_read_too() {
        let older = "# deb http://off x main\ndeb-src http://sources x main\ndeb [arch=amd64 signed-by=/k.gpg] http://on x main\ndeb http://later x main\n";
        assert_eq!(mirror(&[file("sources.list", older)]), Some(Mirror { uri: "http://on".into(), signed_by: Some("/k.gpg".into()) }));
        assert_eq!(mirror(&[file("sources.list", "deb http://plain x main")]).unwrap().line("s"), "deb http://plain s main\n");
    }

    #[test]
    fn sources_that_are_off_or_of_others_do_not_count() {
        for text in [
            "Types: deb-src\nURIs: u\nComponents: main",
            "Types: deb\nURIs: u\nComponents: main\nEnabled: no",
            "Types: deb\nURIs: u\nComponents: extra",
            "",
        ] {
            assert_eq!(mirror(&[file("a.sources", text)]), None, "{text}");
        }
    }

    #[test]
    fn only_the_very_same_version_counts() {
        let madison = "rust-src | 1.96.1+dfsg1-1 | u\n rust-src | 1.95.0+dfsg1-2~bpo13+1 | u\nrust-src | 1.95.0+dfsg1-1 | u\n";
        assert_eq!(version_of(madison, "1.95.0").as_deref(), Some("1.95.0+dfsg1-2~bpo13+1"));
        assert_eq!(version_of(madison, "1.9"), None);
        assert_eq!(version_of(madison, "1.95.01"), None);
        assert_eq!(version_of("", "1.95.0"), None);
    }
}
