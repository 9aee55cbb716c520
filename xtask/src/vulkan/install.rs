//! How missing packages are installed, or what to tell where this program may not.

use std::process::{Command, Stdio};

use crate::vulkan::host::Distribution;

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

/// Decides how `packages` (Debian's names) come to this machine.
pub(crate) fn plan(packages: &[&str], found: Option<&Distribution>, rights: Rights) -> Plan {
    let list = packages.join(" ");
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
            words.extend(packages);
            Plan::Run {
                update: Call::new(rights, &["apt-get", "update"]),
                install: Call::new(rights, &words),
            }
        }
        Some(Distribution::Debian) => Plan::Tell(format!(
            "a part of Vulkan is missing on this machine; install it with\n    \
             sudo apt-get update && sudo apt-get install --yes {list}"
        )),
        Some(Distribution::Other(id)) => Plan::Tell(match by_hand(id) {
            Some(command) => format!(
                "a part of Vulkan is missing on this machine; install it with\n    {command}"
            ),
            None => format!(
                "a part of Vulkan is missing on this machine ({id}); install the Vulkan loader \
                 and a driver, such as Mesa's software driver lavapipe (Debian calls them {list})"
            ),
        }),
        None => Plan::Tell(format!(
            "a part of Vulkan is missing on this machine; install the Vulkan loader and a \
             driver, such as Mesa's software driver lavapipe (Debian calls them {list})"
        )),
    }
}

/// The command that brings loader, software driver and validation layers elsewhere.
fn by_hand(id: &str) -> Option<&'static str> {
    Some(match id {
        "fedora" => "sudo dnf install vulkan-loader mesa-vulkan-drivers vulkan-validation-layers",
        "arch" => "sudo pacman -S vulkan-icd-loader vulkan-swrast vulkan-validation-layers",
        "alpine" => "sudo apk add vulkan-loader mesa-vulkan-swrast vulkan-validation-layers",
        _ => return None,
    })
}
