//! How missing packages are installed, or what to tell where this program may not.

use std::process::{Command, Stdio};

use crate::process::{Failure, run};
use crate::vulkan::host::{Distribution, Host};

/// Something that this machine lacks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Need<'a> {
    /// What it is, as the start of a sentence.
    pub(crate) what: &'a str,
    /// Debian's packages.
    pub(crate) packages: &'a [&'a str],
    /// The command that brings it, by a distribution's id.
    pub(crate) by_hand: &'a [(&'a str, &'a str)],
    /// What to look for where none of these is known.
    pub(crate) elsewhere: &'a str,
}

/// What this process may do with the package manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rights {
    /// It runs as root.
    Root,
    /// `sudo` asks for no password.
    Sudo,
    /// Nothing.
    None,
}

impl Rights {
    /// Asks the system; never waits for a password.
    pub(crate) fn of_this_process() -> Self {
        let user = Command::new("id").arg("-u").output();
        if user.is_ok_and(|output| output.stdout.trim_ascii() == b"0") {
            return Self::Root;
        }
        let mut sudo = Command::new("sudo");
        sudo.args(["-n", "true"]);
        sudo.stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if sudo.status().is_ok_and(|status| status.success()) {
            Self::Sudo
        } else {
            Self::None
        }
    }
}

/// A call of the package manager, with the prefix that gives it the right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call(Vec<String>);

impl Call {
    fn new(rights: Rights, words: &[&str]) -> Self {
        // Environment variables do not pass through sudo, so `env` sets this one behind it.
        let mut all = vec!["env", "DEBIAN_FRONTEND=noninteractive"];
        if rights == Rights::Sudo {
            all.splice(0..0, ["sudo", "-n"]);
        }
        all.extend(words);
        Self(all.into_iter().map(str::to_owned).collect())
    }

    /// The command; its input is empty, so that nothing can ask.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.0[0]);
        command.args(&self.0[1..]).stdin(Stdio::null());
        command
    }
}

/// What to do about missing packages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Plan {
    /// Run these two, one after the other.
    Run {
        /// Fetches the package lists.
        update: Call,
        /// Installs the packages.
        install: Call,
    },
    /// Say this and stop.
    Tell(String),
}

/// Decides how what is needed comes to this machine.
pub(crate) fn plan(need: &Need<'_>, found: Option<&Distribution>, rights: Rights) -> Plan {
    let list = need.packages.join(" ");
    let missing = format!("{} is missing on this machine", need.what);
    let elsewhere = format!("install {} (Debian calls it {list})", need.elsewhere);
    match found {
        Some(Distribution::Debian) if rights != Rights::None => {
            // Waiting for the lock serves machines that update themselves after boot.
            let mut words = vec![
                "apt-get",
                "-o",
                "DPkg::Lock::Timeout=300",
                "install",
                "--yes",
            ];
            words.push("--no-install-recommends");
            words.extend(need.packages);
            Plan::Run {
                update: Call::new(rights, &["apt-get", "update"]),
                install: Call::new(rights, &words),
            }
        }
        Some(Distribution::Debian) => Plan::Tell(format!(
            "{missing}; install it with\n    \
             sudo apt-get update && sudo apt-get install --yes {list}"
        )),
        Some(Distribution::Other(id)) => {
            let by_hand = need.by_hand.iter().find(|(other, _)| other == id);
            Plan::Tell(match by_hand {
                Some((_, command)) => format!("{missing}; install it with\n    {command}"),
                None => format!("{missing} ({id}); {elsewhere}"),
            })
        }
        None => Plan::Tell(format!("{missing}; {elsewhere}")),
    }
}

/// Installs what is needed.
///
/// # Errors
/// When that cannot be done from here; the text holds the exact command.
pub(crate) fn provide(host: &Host, need: &Need<'_>, may_install: bool) -> Result<(), Failure> {
    let rights = if may_install {
        Rights::of_this_process()
    } else {
        Rights::None
    };
    match plan(need, host.distribution().as_ref(), rights) {
        Plan::Tell(text) => Err(Failure::new(text)),
        Plan::Run { update, install } => {
            eprintln!("xtask: installing {}", need.packages.join(", "));
            // A stale or unreachable list is no reason to stop: the packages may be in the
            // lists at hand, and if not, the installation says so.
            if let Err(failure) = run(&mut update.command()) {
                eprintln!("xtask: {failure}; trying with the package lists at hand");
            }
            run(&mut install.command())
        }
    }
}
