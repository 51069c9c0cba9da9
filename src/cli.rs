//! Every command and option, with the help text that is also the manual.

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use std::path::PathBuf;
use std::time::Duration;

/// Says why a connection failed: DNS, TCP, TLS, QUIC or the request; whose fault it is; and which packets prove it.
#[derive(Debug, Parser)]
#[command(version, about, long_about = None, disable_help_subcommand = true, max_term_width = 100)]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Analyse saved captures and print the diagnosis
    ///
    /// Exit status: 0 nothing is broken, 1 at least one attempt is broken, 2 wrong usage or unreadable input,
    /// 3 the input could be read in part only (what was read is reported).
    #[command(after_help = READ_EXAMPLES)]
    Read(Read),
    /// Listen on an interface, and show what fails while it happens
    ///
    /// On a terminal: the list of attempts, ladders, packets; with --headless each attempt is printed as it ends, and
    /// the verdict at the end (Ctrl-C). Nothing is ever sent.
    ///
    /// Exit status with --headless: 0 nothing broke, 1 at least one attempt broke, 2 wrong usage or no capture
    /// possible, 3 an interface was lost and did not come back.
    #[command(after_help = LIVE_EXAMPLES)]
    Live(Box<Live>),
    /// Set two captures of the same service side by side: what differs, and what that proves
    ///
    /// Wi-Fi and mobile data, VPN on and off, yesterday and today. Names that both captures show are compared stage by
    /// stage; names of one capture alone are listed as not comparable.
    ///
    /// Exit status: 0 the same outcome for every name that can be compared, 1 another outcome for at least one, 2 wrong
    /// usage or unreadable input, 3 an input could be read in part only, or no name has an outcome in both.
    #[command(after_help = COMPARE_EXAMPLES)]
    Compare(Compare),
    /// Make the thing to attach to a bug ticket: a report in three forms, and the packets that prove it
    ///
    /// Writes report.md, report.html, report.json and evidence.pcapng: the packets of the attempts that failed and of one
    /// that worked, payload cut, each with a comment. What is written is analysed again: an attempt that would not be
    /// judged the same is named, and nothing is written. On a terminal, what only the user can know is asked for.
    ///
    /// Exit status: 0 nothing is broken, 1 at least one attempt is broken, 2 wrong usage, unreadable input or no bundle,
    /// 3 the input could be read in part only (the bundle is about that part).
    #[command(after_help = REPORT_EXAMPLES)]
    Report(Report),
    /// Say what a cause means, how it is recognised, what it is confused with and what to do
    Explain {
        /// The cause, as reports name it; without it, all are listed
        cause: Option<String>,
    },
    /// List the interfaces that can be sniffed: addresses, link type, and which carries the default route
    ///
    /// Needs no privileges and sends nothing.
    Interfaces {
        /// How to print them
        #[arg(long, value_enum, default_value_t = InterfaceFormat::Text)]
        format: InterfaceFormat,
    },
    /// Runs the command of --on-failure for each line of standard input; started by `live`
    #[command(name = "on-failure-helper", hide = true)]
    OnFailureHelper {
        /// The command
        command: String,
    },
    /// List target profiles and what they match
    Targets {
        /// Only this profile, in full: a built-in name or a TOML file
        profile: Option<String>,
    },
    /// Print a completion script for a shell
    Completions {
        /// Which shell
        shell: Shell,
    },
    /// Print the manual page
    Man,
}

const READ_EXAMPLES: &str = "Examples:
  shakedown read phone.pcapng
  shakedown read --tui phone.pcapng
  shakedown read --format json wifi.pcap.gz | jq .verdict
  tcpdump -w - -U port 443 or port 53 | shakedown read -
  shakedown read --host example.com office.pcap
  shakedown read --why-not tls.reset-after-hello phone.pcapng
  shakedown read -f 'host 192.0.2.7' ring-00*.pcap";

const LIVE_EXAMPLES: &str = "Examples:
  sudo shakedown live
  sudo shakedown live -i wlan0 --host example.com
  sudo shakedown live --headless --for 60s -i any
  sudo shakedown live --headless --format ndjson | jq -c 'select(.outcome == \"broken\")'";

/// Options of `live`.
#[derive(Debug, Args)]
pub struct Live {
    /// Interface to listen on; may be repeated; `any` is all of them (Linux). Without it, that of the default route
    #[arg(short, long = "interface", value_name = "IFACE")]
    pub interfaces: Vec<String>,
    /// Print each attempt as it ends instead of showing screens
    #[arg(long)]
    pub headless: bool,
    /// How to print; json, markdown and html come when the capture ends
    #[arg(long, value_enum, default_value_t = Format::Text, requires = "headless")]
    pub format: Format,
    /// Print to this file instead of standard output
    #[arg(short, long, value_name = "OUT", requires = "headless")]
    pub output: Option<PathBuf>,
    /// End after so many packets
    #[arg(short = 'c', long = "count", value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,
    /// End after so long, as in 90s, 10m or 2h
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    pub duration: Option<Duration>,
    /// What to look for
    #[command(flatten)]
    pub common: Common,
    /// The kernel's buffer for each interface, in KiB
    #[arg(short = 'B', long = "buffer-size", value_name = "KIB", default_value_t = 32_768,
          value_parser = clap::value_parser!(u32).range(64..=2_000_000))]
    pub buffer: u32,
    /// Bytes of each packet that are looked at
    #[arg(short = 's', long = "snapshot-length", value_name = "BYTES", default_value_t = 262_144,
          value_parser = clap::value_parser!(u32).range(64..=262_144))]
    pub snap_len: u32,
    /// Also take packets that are not for this host
    #[arg(long)]
    pub promiscuous: bool,
    /// Do not let the kernel leave out what can't matter to the target; -f still holds
    #[arg(long)]
    pub no_kernel_filter: bool,
    /// Also save what is analysed to this file (pcapng); `-` is standard output
    #[arg(short = 'w', long = "write", value_name = "FILE")]
    pub write: Option<PathBuf>,
    /// With -w: begin a new file before this one gets larger than so many MiB
    #[arg(long, value_name = "MIB", requires = "write", value_parser = clap::value_parser!(u64).range(1..))]
    pub rotate_size: Option<u64>,
    /// With -w: begin a new file after so long
    #[arg(long, value_name = "DURATION", requires = "write", value_parser = duration)]
    pub rotate_time: Option<Duration>,
    /// With -w and rotation: files that are kept; the oldest goes
    #[arg(long, value_name = "N", requires = "write", default_value_t = 10)]
    pub keep_files: usize,
    /// Of each attempt that fails, write its packets and a report into this folder (at most 100 failures and 1 GiB)
    #[arg(long, value_name = "DIR")]
    pub keep_failures: Option<PathBuf>,
    /// With --keep-failures: run this command for each failure; the path of the report is its last argument
    #[arg(long, value_name = "CMD", requires = "keep_failures")]
    pub on_failure: Option<String>,
    /// MiB of recent packets that are held for ladders and exports
    #[arg(long, value_name = "MIB", default_value_t = 64, value_parser = clap::value_parser!(u32).range(0..=4096))]
    pub recent: u32,
    /// Keys and colours of the terminal UI; without it, shakedown/config.toml in $XDG_CONFIG_HOME (~/.config), if there
    #[arg(long, value_name = "FILE", conflicts_with = "headless")]
    pub config: Option<PathBuf>,
    /// Less text: attempts that go well in one line
    #[arg(short, long)]
    pub quiet: bool,
    /// More text: paths and notes of all attempts
    #[arg(short, long, conflicts_with = "quiet")]
    pub verbose: bool,
}

/// `500ms`, `90s`, `10m`, `2h`, `1d`; a number alone is seconds.
fn duration(text: &str) -> Result<Duration, String> {
    let at = text.find(|c: char| c.is_ascii_alphabetic());
    let (number, unit) = text.split_at(at.unwrap_or(text.len()));
    let scale = match unit {
        "ms" => 1e-3,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return Err("write it like 500ms, 90s, 10m or 2h".to_owned()),
    };
    let seconds = number.parse::<f64>().map(|n| n * scale);
    let seconds = seconds.map_err(|_| "write it like 500ms, 90s, 10m or 2h".to_owned())?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err("must be longer than nothing".to_owned()),
    }
}

const REPORT_EXAMPLES: &str = "Examples:
  shakedown report phone.pcapng -o ticket.zip
  shakedown report phone.pcapng -o ticket --for isp --tried 'another phone' --network 'fibre, Wi-Fi'
  shakedown report phone.pcapng -o ticket.zip --max-chars 32000
  tcpdump -w - -U port 443 or port 53 | shakedown report - -o ticket.zip";

const COMPARE_EXAMPLES: &str = "Examples:
  shakedown compare wifi.pcapng mobile-data.pcapng
  shakedown compare --format markdown vpn-on.pcap vpn-off.pcap -o ticket.md
  shakedown compare --format json yesterday.pcap today.pcap | jq .proofs";

/// Options of `compare`.
#[derive(Debug, Args)]
pub struct Compare {
    /// The first capture; `-` is standard input
    #[arg(required_unless_present = "json_schema", value_name = "A")]
    pub a: Option<PathBuf>,
    /// The second capture
    #[arg(required_unless_present = "json_schema", value_name = "B")]
    pub b: Option<PathBuf>,
    /// How to print the result
    #[arg(long, value_enum, default_value_t = CompareFormat::Text)]
    pub format: CompareFormat,
    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "OUT")]
    pub output: Option<PathBuf>,
    /// Print the JSON Schema of the comparison and stop
    #[arg(long)]
    pub json_schema: bool,
    /// What others may see
    #[command(flatten)]
    pub redact: Redact,
    /// What to look for
    #[command(flatten)]
    pub common: Common,
    /// Less text: no differences in detail, no evidence
    #[arg(short, long)]
    pub quiet: bool,
    /// More text: names with the same outcome in full, all names of one capture alone
    #[arg(short, long, conflicts_with = "quiet")]
    pub verbose: bool,
}

/// Options of `report`.
#[derive(Debug, Args)]
pub struct Report {
    /// Captures, as for `read`; `-` is standard input. Several are merged in time order
    #[arg(required_unless_present = "json_schema", value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Where the bundle goes: a file if it ends in .zip, else a folder
    #[arg(
        short,
        long,
        required_unless_present = "json_schema",
        value_name = "ZIP|DIR"
    )]
    pub output: Option<PathBuf>,
    /// Overwrite an older bundle
    #[arg(long)]
    pub force: bool,
    /// Who is to read it: changes what leads and what is asked for
    #[arg(long = "for", value_enum, value_name = "READER")]
    pub audience: Option<Audience>,
    /// Most characters of report.md, for trackers with limits (GitHub 65536, Jira 32767): what matters least is left out
    #[arg(long, value_name = "N", value_parser = max_chars)]
    pub max_chars: Option<usize>,
    /// Something that was tried already; may be repeated
    #[arg(long, value_name = "TEXT")]
    pub tried: Vec<String>,
    /// The device
    #[arg(long, value_name = "TEXT")]
    pub device: Option<String>,
    /// Its operating system
    #[arg(long, value_name = "TEXT")]
    pub os: Option<String>,
    /// Version of the app
    #[arg(long, value_name = "TEXT")]
    pub app_version: Option<String>,
    /// The network, such as 'fibre of X, Wi-Fi'
    #[arg(long, value_name = "TEXT")]
    pub network: Option<String>,
    /// The error that the app showed
    #[arg(long, value_name = "TEXT")]
    pub error_code: Option<String>,
    /// Ask nothing, also on a terminal
    #[arg(long)]
    pub no_input: bool,
    /// What others may see
    #[command(flatten)]
    pub redact: Redact,
    /// Leave the attempt with that number out; may be repeated
    #[arg(long, value_name = "ATTEMPT")]
    pub drop: Vec<usize>,
    /// Print the JSON Schema of report.json and stop
    #[arg(long)]
    pub json_schema: bool,
    /// What to look for
    #[command(flatten)]
    pub common: Common,
    /// Print nothing but errors
    #[arg(short, long)]
    pub quiet: bool,
    /// Print everything that was replaced and left out
    #[arg(short, long, conflicts_with = "quiet")]
    pub verbose: bool,
}

/// Who is to read a ticket.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Audience {
    /// The internet provider
    Isp,
    /// Who runs the VPN
    Vpn,
    /// Who runs the service
    Service,
    /// Who writes the app
    Developer,
}

fn max_chars(text: &str) -> Result<usize, String> {
    use shakedown::report::ticket::markdown::MIN_CHARS;
    match text.parse() {
        Ok(n) if n >= MIN_CHARS => Ok(n),
        _ => Err(format!("a number of at least {MIN_CHARS}")),
    }
}

/// Output formats of `compare`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum CompareFormat {
    /// For a person
    Text,
    /// One JSON object
    Json,
    /// For a ticket
    Markdown,
}

/// Output formats of `interfaces`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum InterfaceFormat {
    /// For a person
    Text,
    /// One JSON object
    Json,
}

/// Options of `read`.
#[derive(Debug, Args)]
pub struct Read {
    /// Captures: pcap or pcapng, also compressed with gzip or zstd; `-` is standard input. Several are merged in time order
    #[arg(required_unless_present = "json_schema", value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// How to print the result
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "OUT")]
    pub output: Option<PathBuf>,
    /// Print the JSON Schema of the report and stop
    #[arg(long)]
    pub json_schema: bool,
    /// Instead of the report: what spoke against this cause in each attempt (text or JSON)
    #[arg(long, value_name = "CAUSE")]
    pub why_not: Option<String>,
    /// With --why-not: only the attempt with this number in the report
    #[arg(long, value_name = "N", requires = "why_not")]
    pub attempt: Option<usize>,
    /// What others may see
    #[command(flatten)]
    pub redact: Redact,
    /// What to look for
    #[command(flatten)]
    pub common: Common,
    /// Explore the captures in the terminal: attempts, ladders, packets
    #[arg(long, conflicts_with_all = ["format", "output", "quiet", "verbose"])]
    pub tui: bool,
    /// Keys and colours of the terminal UI; without it, shakedown/config.toml in $XDG_CONFIG_HOME (~/.config), if there
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Less text: no attempts that went well in detail, no resolvers
    #[arg(short, long)]
    pub quiet: bool,
    /// More text: paths and notes of all attempts
    #[arg(short, long, conflicts_with = "quiet")]
    pub verbose: bool,
}

/// What every command that looks at packets takes.
#[derive(Debug, Args)]
pub struct Common {
    /// What to look for
    #[command(flatten)]
    pub target: TargetArgs,
    /// Only packets that match this BPF expression, as tcpdump takes it (names are never looked up)
    #[arg(short = 'f', long = "filter", value_name = "BPF")]
    pub filter: Option<String>,
    /// From when on something is slow, as in dns.slow=300ms; limits: dns.slow, tcp.slow-connect, tls.slow, quic.slow, http.slow-response, media.stalled, media.receiver-full
    #[arg(long = "limit", value_name = "NAME=DURATION")]
    pub limits: Vec<String>,
    /// Flows held at the same time [default: 1000000; live: 250000]; the quietest are given up beyond that, and the
    /// report says so
    #[arg(long, value_name = "N")]
    pub max_flows: Option<usize>,
    /// Colours
    #[arg(long, value_enum, default_value_t = Color::Auto)]
    pub color: Color,
}

/// Whether addresses and names are shown.
#[derive(Debug, Args)]
pub struct Redact {
    /// Replace addresses and names of devices, and names of anything but the target (what `report` does)
    #[arg(long, overrides_with = "no_redact")]
    pub redact: bool,
    /// Keep addresses and names as they are (what the other commands do)
    #[arg(long, overrides_with = "redact")]
    pub no_redact: bool,
}

/// Which names and addresses are the target.
#[derive(Debug, Args)]
pub struct TargetArgs {
    /// Target profile: a built-in name (see `shakedown targets`) or a TOML file
    #[arg(long, value_name = "NAME|FILE", default_value = "tiktok")]
    pub target: String,
    /// Add a name and all names below it to the target
    #[arg(long, value_name = "SUFFIX")]
    pub host: Vec<String>,
    /// Add an address prefix to the target
    #[arg(long, value_name = "PREFIX")]
    pub net: Vec<String>,
    /// Every service, not just the target
    #[arg(long)]
    pub all: bool,
}

/// Output formats.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Format {
    /// For a person
    Text,
    /// One JSON object
    Json,
    /// One attempt a line, then the verdict
    Ndjson,
    /// For a ticket
    Markdown,
    /// One page to open in a browser, with pictures
    Html,
}

/// When to colour.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}
