//! Names of /etc/hosts, and `localhost`.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The addresses of names in the file, read again when it has changed.
pub struct HostsFile {
    path: PathBuf,
    modified: Option<SystemTime>,
    names: HashMap<String, Vec<IpAddr>>,
}

impl HostsFile {
    pub fn new(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref().to_owned();
        Self { path, modified: None, names: HashMap::new() }
    }

    /// The addresses of `name`; none when only DNS can know it. `localhost` is always the loopback
    /// addresses (RFC 6761 section 6.3).
    pub fn lookup(&mut self, name: &str) -> Option<Vec<IpAddr>> {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        if name == "localhost" || name.ends_with(".localhost") {
            return Some(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
        }
        self.reload();
        self.names.get(&name).cloned()
    }

    fn reload(&mut self) {
        let modified = std::fs::metadata(&self.path).and_then(|file| file.modified()).ok();
        if modified != self.modified {
            self.modified = modified;
            self.names = parse(&std::fs::read_to_string(&self.path).unwrap_or_default());
        }
    }
}

fn parse(text: &str) -> HashMap<String, Vec<IpAddr>> {
    let mut names: HashMap<String, Vec<IpAddr>> = HashMap::new();
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_whitespace();
        let Some(Ok(address)) = words.next().map(str::parse) else { continue };
        for name in words {
            let addresses = names.entry(name.to_ascii_lowercase()).or_default();
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::{parse, HostsFile};

    #[test]
    fn lines_of_the_file() {
        let names = parse("# c\n10.0.0.1 a A.Test # x\n::5\ta.test\nbad line\n10.0.0.1 a\n");
        assert_eq!(names["a.test"].len(), 2);
        assert_eq!(names["a"].len(), 1);
        assert_eq!(names.len(), 2);
    }

    #[test]
    fn localhost_needs_no_file() {
        let mut file = HostsFile::new("/nonexistent/hosts");
        assert_eq!(file.lookup("LocalHost.").map(|found| found.len()), Some(2));
        assert_eq!(file.lookup("other"), None);
    }
}
