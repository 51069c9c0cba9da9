//! `craft`: writes fixtures, single captures and benchmark inputs.

use std::path::Path;
use std::process::ExitCode;
use std::{env, fs, io};

use shakedown_craft::pair::Pair;
use shakedown_craft::{Case, big, cases, pairs};

const USAGE: &str = "\
craft fixtures [--force PART] [--toml] [--dir fixtures]   write the cases whose folder does not exist yet
                                  --force PART: write again those whose cause/case contains PART
                                  --toml: write only case.toml, for all whose text differs
craft list [PART]                 names and sentences of the cases
craft one CAUSE/CASE DIR          write one case into DIR, whatever is there
craft big OUT.pcap [--mb N] [--syns N]
                                  N MB of mixed traffic (default 256 when --syns is not given), then N SYNs
                                  of distinct flows; OUT - is standard output";

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("craft: {e}");
            ExitCode::from(2)
        }
    }
}

fn run(args: &[String]) -> io::Result<()> {
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["fixtures", rest @ ..] => fixtures(rest),
        ["list", rest @ ..] => {
            let part = rest.first().unwrap_or(&"");
            for case in cases::cases().iter().filter(|c| c.id().contains(part)) {
                println!("{:50} {}", case.id(), case.about_text());
            }
            Ok(())
        }
        ["one", id, dir] => {
            let all = cases::cases();
            let case = all
                .iter()
                .find(|c| c.id() == *id)
                .ok_or_else(|| wrong(&format!("no case {id}")))?;
            case.write(Path::new(dir))
        }
        ["big", out, rest @ ..] => write_big(out, rest),
        _ => Err(wrong(USAGE)),
    }
}

fn wrong(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, text.to_owned())
}

fn fixtures(args: &[&str]) -> io::Result<()> {
    let (mut force, mut toml, mut dir) = (None, false, "fixtures");
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match *arg {
            "--force" => force = Some(*args.next().ok_or_else(|| wrong(USAGE))?),
            "--dir" => dir = args.next().ok_or_else(|| wrong(USAGE))?,
            "--toml" => toml = true,
            _ => return Err(wrong(USAGE)),
        }
    }
    let (mut written, mut kept) = (0, 0);
    for case in cases::cases() {
        let folder = Path::new(dir).join(case.id());
        if force.is_some_and(|part| case.id().contains(part)) || !folder.join("case.toml").exists()
        {
            case.write(&folder)?;
            println!("wrote {}", case.id());
            written += 1;
        } else {
            kept += 1;
            check_toml(&case, &folder, toml)?;
        }
    }
    for pair in pairs::pairs() {
        let folder = Path::new(dir).join(pair.id());
        let wanted = force.is_some_and(|part| pair.id().contains(part));
        let new = wanted || !folder.join("pair.toml").exists();
        if new {
            println!("wrote {}", pair.id());
        }
        written += usize::from(new);
        kept += usize::from(!new);
        write_pair(&pair, &folder, new, toml)?;
    }
    println!("{written} written, {kept} kept");
    Ok(())
}

fn write_pair(pair: &Pair, folder: &Path, new: bool, mend: bool) -> io::Result<()> {
    let path = folder.join("pair.toml");
    if new {
        pair.write(folder)
    } else if fs::read_to_string(&path)? == pair.toml() {
        Ok(())
    } else if mend {
        println!("pair.toml of {} written", pair.id());
        fs::write(path, pair.toml())
    } else {
        println!(
            "{}: pair.toml differs from the registry (--toml writes it)",
            pair.id()
        );
        Ok(())
    }
}

/// Says (or mends) where case.toml is not what the registry has.
fn check_toml(case: &Case, folder: &Path, mend: bool) -> io::Result<()> {
    let path = folder.join("case.toml");
    let old = fs::read_to_string(&path)?;
    let capture = old
        .lines()
        .find_map(|l| l.strip_prefix("capture = "))
        .unwrap_or_default();
    let new = case.toml(capture.trim_matches('"'));
    if old == new {
        return Ok(());
    }
    if mend {
        println!("case.toml of {} written", case.id());
        return fs::write(path, new);
    }
    println!(
        "{}: case.toml differs from the registry (--toml writes it, --force NAME the capture too)",
        case.id()
    );
    Ok(())
}

fn write_big(out: &str, args: &[&str]) -> io::Result<()> {
    let mut plan = big::Plan::default();
    for pair in args.chunks(2) {
        let [key, value] = pair else {
            return Err(wrong(USAGE));
        };
        let n = value.parse().map_err(|_| wrong(USAGE))?;
        match *key {
            "--mb" => plan.mb = n,
            "--syns" => plan.syns = n,
            _ => return Err(wrong(USAGE)),
        }
    }
    if plan.mb == 0 && plan.syns == 0 {
        plan.mb = 256;
    }
    let (packets, bytes) = match out {
        "-" => big::write(io::stdout().lock(), plan)?,
        path => big::write(fs::File::create(path)?, plan)?,
    };
    eprintln!("{packets} packets, {bytes} bytes");
    Ok(())
}
