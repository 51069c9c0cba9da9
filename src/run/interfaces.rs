//! `interfaces`: what can be sniffed here.

use crate::cli::InterfaceFormat;
use anyhow::Result;

/// Lists the interfaces.
///
/// # Errors
/// If they can't be listed or nothing can be written.
#[cfg(not(feature = "live"))]
pub fn interfaces(_: InterfaceFormat) -> Result<i32> {
    anyhow::bail!(
        "this build has no libpcap, so it knows no interfaces: use a build with the feature `live`"
    );
}

/// Lists the interfaces.
///
/// # Errors
/// If they can't be listed or nothing can be written.
#[cfg(feature = "live")]
pub fn interfaces(format: InterfaceFormat) -> Result<i32> {
    use std::io::Write;
    let shown = painted::Shown::gather()?;
    let mut out = std::io::stdout().lock();
    match format {
        InterfaceFormat::Text => out.write_all(shown.text().as_bytes())?,
        InterfaceFormat::Json => {
            serde_json::to_writer_pretty(&mut out, &shown)?;
            writeln!(out)?;
        }
    }
    Ok(0)
}

#[cfg(feature = "live")]
mod painted {
    use anyhow::Result;
    use serde::Serialize;
    use shakedown::live::interfaces::{self, ANY, Interface, InterfaceError};
    use shakedown::live::privilege;
    use std::fmt::Write;
    use unicode_width::UnicodeWidthStr;

    /// Columns of a line.
    const WIDTH: usize = 80;

    const NO_DEFAULT: &str =
        "None carries a default route: `shakedown live` needs -i and a name here.";

    /// All that is printed.
    #[derive(Serialize)]
    pub(super) struct Shown {
        interfaces: Vec<Interface>,
        /// The one that `live` takes without `-i`.
        default: Option<String>,
        /// What is to know of the default, or why there is none.
        note: Option<String>,
        /// Whether capturing is allowed; `null` where there is nothing to try it on.
        may_capture: Option<bool>,
        /// What to do where it is not.
        grant: Option<String>,
    }

    impl Shown {
        pub(super) fn gather() -> Result<Self> {
            let interfaces = interfaces::list()?;
            let (default, note) = match interfaces::default_interface() {
                Ok(default) => (Some(default.name), default.note),
                Err(InterfaceError::NoDefault) => (None, Some(NO_DEFAULT.to_owned())),
                Err(error) => return Err(error.into()),
            };
            let tried = default.as_deref().or_else(|| {
                let up = interfaces.iter().find(|i| i.up && i.name != ANY);
                up.map(|i| i.name.as_str())
            });
            let right = tried.map(privilege::try_to_open);
            Ok(Self {
                default: default.map(|name| shakedown::snapshot::clean::clean(&name)),
                note,
                may_capture: right.as_ref().map(Result::is_ok),
                grant: right.and_then(Result::err),
                interfaces,
            })
        }

        /// A line for each interface, then what follows from it.
        pub(super) fn text(&self) -> String {
            let rows: Vec<Row> = self.interfaces.iter().map(row).collect();
            let head = ["INTERFACE", "STATE", "LINK TYPE"].map(str::to_owned);
            let head = (head, vec!["ADDRESSES".to_owned()]);
            let all = || std::iter::once(&head).chain(&rows);
            let width = |n: usize| all().map(|(cells, _)| cells[n].width()).max().unwrap_or(0);
            let widths = [width(0), width(1), width(2)];
            let mut text = String::new();
            for (cells, list) in all() {
                let mut line = String::new();
                for (cell, width) in cells.iter().zip(widths) {
                    let pad = width.saturating_sub(cell.width());
                    let _ = write!(line, "{cell}{:pad$}  ", "");
                }
                wrap(&mut text, &line, list);
            }
            text.push('\n');
            if let Some(default) = &self.default {
                let _ = writeln!(
                    text,
                    "* carries the default route: without -i, {default} is captured on."
                );
            }
            if let Some(note) = &self.note {
                let _ = writeln!(text, "{note}");
            }
            match (&self.grant, self.may_capture) {
                (Some(grant), _) => drop(writeln!(text, "{grant}")),
                (None, Some(_)) => text.push_str("You may capture here.\n"),
                (None, None) => {}
            }
            text
        }
    }

    /// Name, state and link type; then what is wrapped.
    type Row = ([String; 3], Vec<String>);

    /// Adds `start` and the items of `list`, in more lines where they would pass [`WIDTH`].
    fn wrap(text: &mut String, start: &str, list: &[String]) {
        let mut line = start.to_owned();
        let mut first = true;
        for item in list {
            if !first && line.width() + item.width() > WIDTH {
                let _ = writeln!(text, "{}", line.trim_end());
                line = format!("{:width$}", "", width = start.width());
            }
            let _ = write!(line, "{item} ");
            first = false;
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }

    fn row(interface: &Interface) -> Row {
        let default = interface.default_ipv4 || interface.default_ipv6;
        let mark = if default { "* " } else { "  " };
        let mut kind = interface
            .link_type
            .clone()
            .unwrap_or_else(|| "unknown".to_owned());
        if interface.wireless {
            kind.push_str(", wireless");
        }
        let name = format!("{mark}{}", interface.shown());
        let cells = [name, interface.state().to_owned(), kind];
        (cells, items(interface))
    }

    /// Its addresses, and what else is to say.
    fn items(interface: &Interface) -> Vec<String> {
        if interface.name == ANY {
            return vec!["all interfaces at once".to_owned()];
        }
        let mut items: Vec<String> = interface.addresses.clone();
        let last = items.len().saturating_sub(1);
        items.iter_mut().take(last).for_each(|item| item.push(','));
        if items.is_empty() {
            items.push("no address".to_owned());
        }
        match (interface.default_ipv4, interface.default_ipv6) {
            (true, false) => items.push("(default route of IPv4 only)".to_owned()),
            (false, true) => items.push("(default route of IPv6 only)".to_owned()),
            _ => {}
        }
        items
    }
}
