//! The real program in a terminal that a test can look at.
#![allow(dead_code)] // each program uses a part of it

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};
use std::io::{Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take that is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program and its screen.
pub struct Tty {
    screen: Arc<Mutex<vt100::Parser>>,
    /// All that was written to the terminal.
    written: Arc<Mutex<Vec<u8>>>,
    keys: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
}

impl Tty {
    /// Starts `program` in `dir`.
    pub fn start(program: &Path, dir: &Path, args: &[&str], (width, height): (u16, u16)) -> Self {
        let size = PtySize {
            rows: height,
            cols: width,
            ..PtySize::default()
        };
        let pair = native_pty_system().openpty(size).expect("a terminal");
        let mut command = CommandBuilder::new(program);
        command.args(args);
        command.cwd(dir);
        for (name, value) in [
            ("TERM", "xterm-256color"),
            ("LC_ALL", "C.UTF-8"),
            ("XDG_CONFIG_HOME", "/nonexistent"),
        ] {
            command.env(name, value);
        }
        for name in ["NO_COLOR", "COLORFGBG"] {
            command.env_remove(name);
        }
        let child = pair
            .slave
            .spawn_command(command)
            .expect("the program starts");
        drop(pair.slave);
        let screen = Arc::new(Mutex::new(vt100::Parser::new(height, width, 0)));
        let written = Arc::new(Mutex::new(Vec::new()));
        let mut out = pair.master.try_clone_reader().expect("its output");
        let (theirs, log) = (Arc::clone(&screen), Arc::clone(&written));
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = out.read(&mut buffer) {
                theirs.lock().expect("screen").process(&buffer[..count]);
                log.lock().expect("log").extend_from_slice(&buffer[..count]);
            }
        });
        Self {
            screen,
            written,
            keys: pair.master.take_writer().expect("its input"),
            child,
            master: pair.master,
        }
    }

    /// Presses keys.
    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("pressed");
        self.keys.flush().expect("pressed");
    }

    /// The screen now.
    pub fn screen(&self) -> MutexGuard<'_, vt100::Parser> {
        self.screen.lock().expect("screen")
    }

    /// What stands on it.
    pub fn text(&self) -> String {
        self.screen().screen().contents()
    }

    /// Waits until this stands on the screen.
    pub fn wait_for(&self, text: &str) {
        self.wait_until(text, |screen| screen.contains(text));
    }

    /// Waits until the screen is so.
    pub fn wait_until(&self, what: &str, is: impl Fn(&str) -> bool) {
        let start = Instant::now();
        while !is(&self.text()) {
            assert!(
                start.elapsed() < PATIENCE,
                "no '{what}' on\n{}",
                self.text()
            );
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Changes the size of the terminal.
    pub fn resize(&self, width: u16, height: u16) {
        self.screen().screen_mut().set_size(height, width);
        let size = PtySize {
            rows: height,
            cols: width,
            ..PtySize::default()
        };
        self.master.resize(size).expect("resized");
    }

    /// All that was written to the terminal so far.
    pub fn written(&self) -> Vec<u8> {
        self.written.lock().expect("log").clone()
    }

    /// Process id.
    pub fn id(&self) -> u32 {
        self.child.process_id().expect("running")
    }

    /// The terminal takes lines and shows what is typed, as a shell leaves it to a program.
    pub fn is_cooked(&self) -> bool {
        let flags = self.master.get_termios().expect("a terminal").local_flags;
        let flags = format!("{flags:?}");
        ["ICANON", "ECHO", "ISIG"]
            .iter()
            .all(|name| flags.contains(name))
    }

    /// Waits for the end; how it ended, and whether the terminal is as it was.
    pub fn end(&mut self) -> (ExitStatus, bool) {
        let start = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("waited") {
                break status;
            }
            assert!(start.elapsed() < PATIENCE, "still running\n{}", self.text());
            thread::sleep(Duration::from_millis(10));
        };
        // The last bytes may still be on their way.
        let restored = || {
            let parser = self.screen();
            let screen = parser.screen();
            !screen.alternate_screen()
                && !screen.hide_cursor()
                && !screen.bracketed_paste()
                && screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None
                && self.is_cooked()
        };
        while !restored() && start.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(10));
        }
        (status, restored())
    }
}
