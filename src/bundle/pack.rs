//! Writes a bundle as a whole or not at all: into a temporary file or folder beside its place, to the disk, then renamed.

use super::{BundleFile, FILES, Refused};
use crate::report::ticket::Hashed;
use ring::digest::{Context, Digest, SHA256, digest};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use tempfile::Builder;
use zip::write::{SimpleFileOptions, ZipWriter};
use zip::{CompressionMethod, DateTime};

/// Begins the names of what is not finished.
pub(super) const UNFINISHED: &str = ".shakedown-unfinished-";

fn hex(digest: &Digest) -> String {
    let mut out = String::new();
    for byte in digest.as_ref() {
        let _ = write!(out, "{byte:02x}");
    }
    out
}

/// SHA-256, in hexadecimal.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    hex(&digest(&SHA256, bytes))
}

/// The hash of a file as it lies on the disk; `name` is how it is called for the reader.
///
/// # Errors
/// What can't be read, or that the user wants to stop.
pub fn hash(path: &Path, name: String, stop: &AtomicBool) -> Result<Hashed, Refused> {
    let failed = |e: io::Error| Refused::Failed(format!("{}: can't be read: {e}", path.display()));
    let mut file = File::open(path).map_err(failed)?;
    let mut context = Context::new(&SHA256);
    let (mut block, mut bytes) = (vec![0; 1 << 20], 0);
    loop {
        let count = match file.read(&mut block) {
            Ok(0) => break,
            Ok(count) => count,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(failed(e)),
        };
        if stop.load(Relaxed) {
            return Err(Refused::Stopped);
        }
        context.update(&block[..count]);
        bytes += count as u64;
    }
    Ok(Hashed {
        name,
        bytes,
        sha256: hex(&context.finish()),
    })
}

/// The folder that something lies in.
#[must_use]
pub fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// It is to be one file, not a folder.
#[must_use]
pub fn is_zip(path: &Path) -> bool {
    path.extension()
        .is_some_and(|e| e.eq_ignore_ascii_case("zip"))
}

/// Refuses, before anything is read, what can't be written or would destroy something.
///
/// # Errors
/// Why not, and what to do.
pub fn check(path: &Path, inputs: &[PathBuf], force: bool) -> Result<(), Refused> {
    let name = path.display();
    let refuse = |text: String| Err(Refused::Failed(text));
    let folder = folder_of(path);
    if !folder.is_dir() {
        return refuse(format!(
            "{name}: can't be written: there is no folder {}: make it first, or name another place",
            folder.display()
        ));
    }
    if let Ok(real) = path.canonicalize()
        && inputs
            .iter()
            .any(|i| i.canonicalize().is_ok_and(|i| i == real))
    {
        return refuse(format!(
            "{name}: is one of the captures to read: name another place for the bundle"
        ));
    }
    let Ok(there) = fs::symlink_metadata(path) else {
        return Ok(());
    };
    let is_dir = path.is_dir();
    if is_zip(path) {
        return match (is_dir, force) {
            (true, _) => refuse(format!(
                "{name}: is a folder: name a file for the bundle, or leave out .zip"
            )),
            (false, true) if there.is_file() || there.is_symlink() => Ok(()),
            (false, true) => refuse(format!("{name}: is no file: name another place")),
            (false, false) => refuse(format!(
                "{name}: is there already: name another place, or overwrite it with --force"
            )),
        };
    }
    if !is_dir || there.is_symlink() {
        return refuse(format!(
            "{name}: is there already and is no folder: name another place, or one that ends in .zip"
        ));
    }
    let held = held(path).map_err(|e| Refused::Failed(format!("{name}: can't be read: {e}")))?;
    if held.is_empty() || (force && held.iter().all(|n| FILES.contains(&n.as_str()))) {
        return Ok(());
    }
    let why = match force {
        true => "holds other files than a bundle: name another place",
        false => {
            "is there already and is not empty: name another place, or overwrite an old bundle with --force"
        }
    };
    refuse(format!("{name}: {why}"))
}

/// What a folder holds.
fn held(path: &Path) -> io::Result<Vec<String>> {
    fs::read_dir(path)?
        .map(|e| Ok(e?.file_name().to_string_lossy().into_owned()))
        .collect()
}

/// Writes the files to a folder, or into a zip file where the name ends so. [`check`] has allowed it.
///
/// # Errors
/// What could not be written; then nothing is there.
pub fn write(
    path: &Path,
    files: &[BundleFile],
    force: bool,
    stop: &AtomicBool,
) -> Result<(), Refused> {
    let done = match is_zip(path) {
        true => zipped(path, files, force, stop),
        false => folder(path, files, stop),
    };
    match done {
        Ok(true) => Ok(()),
        Ok(false) => Err(Refused::Stopped),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Err(Refused::Failed(format!(
            "{}: is there already: name another place, or overwrite it with --force",
            path.display()
        ))),
        Err(e) => Err(Refused::Failed(format!(
            "{}: can't be written: {e}: nothing was left there; make room, or name another place",
            path.display()
        ))),
    }
}

fn zipped(path: &Path, files: &[BundleFile], force: bool, stop: &AtomicBool) -> io::Result<bool> {
    let mut builder = Builder::new();
    builder.prefix(UNFINISHED).suffix(".zip");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666)); // less the umask
    let mut file = builder.tempfile_in(folder_of(path))?;
    file.write_all(&archive(files)?)?;
    file.as_file().sync_all()?;
    if stop.load(Relaxed) {
        return Ok(false);
    }
    let kept = match force {
        true => file.persist(path),
        false => file.persist_noclobber(path),
    };
    kept.map_err(|e| e.error)?;
    settle(folder_of(path));
    Ok(true)
}

/// The files as a zip archive: the same files give the same bytes.
fn archive(files: &[BundleFile]) -> io::Result<Vec<u8>> {
    let mut out = ZipWriter::new(io::Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644);
    for file in files {
        out.start_file(file.name, options)
            .map_err(io::Error::other)?;
        out.write_all(&file.data)?;
    }
    Ok(out.finish().map_err(io::Error::other)?.into_inner())
}

fn folder(path: &Path, files: &[BundleFile], stop: &AtomicBool) -> io::Result<bool> {
    let mut builder = Builder::new();
    builder.prefix(UNFINISHED);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777)); // less the umask
    let new = builder.tempdir_in(folder_of(path))?;
    for file in files {
        let mut out = File::create_new(new.path().join(file.name))?;
        out.write_all(&file.data)?;
        out.sync_all()?;
    }
    settle(new.path());
    if stop.load(Relaxed) {
        return Ok(false);
    }
    match held(path) {
        Ok(held) if held.iter().all(|n| FILES.contains(&n.as_str())) => exchange(new.path(), path)?,
        Ok(_) => return Err(io::ErrorKind::AlreadyExists.into()),
        Err(_) => fs::rename(new.path(), path)?,
    }
    let _ = new.keep();
    settle(folder_of(path));
    Ok(true)
}

/// Puts a folder in the place of an old bundle, which is put back should that fail.
fn exchange(new: &Path, path: &Path) -> io::Result<()> {
    let aside = Builder::new()
        .prefix(UNFINISHED)
        .tempdir_in(folder_of(path))?;
    let old = aside.path().join("old");
    fs::rename(path, &old)?;
    fs::rename(new, path).inspect_err(|_| drop(fs::rename(&old, path)))
}

/// Brings a folder's entries to the disk; where a system can't, the rename has to do.
fn settle(folder: &Path) {
    if let Ok(folder) = File::open(folder) {
        drop(folder.sync_all());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files() -> Vec<BundleFile> {
        let file = |name| BundleFile {
            name,
            data: b"contents ".repeat(100),
        };
        FILES.into_iter().map(file).collect()
    }

    fn names(dir: &Path) -> Vec<String> {
        let mut names = held(dir).unwrap();
        names.sort();
        names
    }

    static GO_ON: AtomicBool = AtomicBool::new(false);

    #[test]
    fn a_hash_is_the_published_one() {
        // FIPS 180-2, appendix B.1.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256(b"abc"), abc);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        fs::write(&path, b"abc").unwrap();
        let hashed = hash(&path, "x".to_owned(), &GO_ON).unwrap();
        assert_eq!((hashed.sha256.as_str(), hashed.bytes), (abc, 3));
    }

    #[test]
    fn a_zip_is_the_same_each_time_and_holds_the_files() {
        assert_eq!(archive(&files()).unwrap(), archive(&files()).unwrap());
        let bytes = archive(&files()).unwrap();
        let mut archive = zip::ZipArchive::new(io::Cursor::new(bytes)).unwrap();
        assert_eq!(archive.len(), 4);
        let mut text = Vec::new();
        archive
            .by_name("report.md")
            .unwrap()
            .read_to_end(&mut text)
            .unwrap();
        assert_eq!(text, files()[0].data);
    }

    #[test]
    fn what_is_there_stays_unless_it_is_an_old_bundle_and_forced() {
        let dir = tempfile::tempdir().unwrap();
        let zip = dir.path().join("t.zip");
        check(&zip, &[], false).unwrap();
        write(&zip, &files(), false, &GO_ON).unwrap();
        assert!(check(&zip, &[], false).is_err());
        assert!(write(&zip, &files(), false, &GO_ON).is_err());
        check(&zip, &[], true).unwrap();
        write(&zip, &files(), true, &GO_ON).unwrap();
        assert!(check(&zip, std::slice::from_ref(&zip), true).is_err());
        let folder = dir.path().join("ticket");
        check(&folder, &[], false).unwrap();
        write(&folder, &files(), false, &GO_ON).unwrap();
        assert_eq!(names(&folder).len(), 4);
        assert!(check(&folder, &[], false).is_err());
        check(&folder, &[], true).unwrap();
        write(&folder, &files(), true, &GO_ON).unwrap();
        fs::write(folder.join("thesis.tex"), b"").unwrap();
        assert!(check(&folder, &[], true).is_err());
        assert!(write(&folder, &files(), true, &GO_ON).is_err());
        assert_eq!(names(dir.path()), ["t.zip", "ticket"]);
        assert_eq!(names(&folder).len(), 5);
    }

    #[test]
    fn stopping_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let stop = AtomicBool::new(true);
        for name in ["t.zip", "t"] {
            let done = write(&dir.path().join(name), &files(), false, &stop);
            assert!(matches!(done, Err(Refused::Stopped)));
        }
        assert_eq!(names(dir.path()), [""; 0]);
    }
}
