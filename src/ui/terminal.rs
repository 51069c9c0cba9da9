//! The terminal itself: taken when the UI starts, given back on every way out.

use super::action::{Action, Key};
use super::config::Config;
use super::export::Export;
use super::feed::{Feed, Packets};
use super::model::{Effect, Model};
use super::screen::{self, Look};
use super::theme::Theme;
use crate::ladder::Glyphs;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::event::{
    self, DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture,
    Event, KeyCode, KeyEventKind, MouseButton, MouseEvent, MouseEventKind,
};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::layout::Position;
use std::io::{self, Stdout, Write, stdout};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

/// How often the screen is looked at anew while no key is pressed.
const TICK: Duration = Duration::from_millis(100);

/// The terminal is ours: raw mode, alternate screen.
static TAKEN: AtomicBool = AtomicBool::new(false);
/// A thread has panicked.
static PANICKED: AtomicBool = AtomicBool::new(false);

/// Shows the UI until the user leaves.
///
/// # Errors
/// If the terminal can't be used, or a part of the program failed.
pub fn run(
    feed: &mut dyn Feed,
    packets: &mut dyn Packets,
    config: &Config,
    color: bool,
) -> io::Result<()> {
    let signals = Signals::new()?;
    restore_on_panic();
    let _guard = Guard;
    let mut terminal = take(config.mouse)?;
    let theme = config.theme.unwrap_or_else(Theme::detected);
    let ascii = config.ascii.unwrap_or_else(|| !locale_is_utf8());
    let look = Look {
        theme: if color { theme } else { Theme::Mono },
        glyphs: if ascii {
            Glyphs::ASCII
        } else {
            Glyphs::UNICODE
        },
    };
    let mut model = Model::new(config.keys.clone());
    model.folder = std::env::current_dir().unwrap_or_default();
    // Nothing is sent over a slow line while nothing changes.
    let mut changed = true;
    loop {
        if PANICKED.load(SeqCst) {
            return Err(io::Error::other("a part of the program failed; see above"));
        }
        if signals.ended() {
            return Ok(());
        }
        if signals.stopped() {
            suspend(&mut terminal, config.mouse)?;
            changed = true;
        }
        let mut effects = news(&mut model, feed, packets, &mut changed);
        if changed {
            terminal.draw(|frame| screen::draw(frame, &mut model, look))?;
        }
        // All that waits is taken before the next frame: pasting or holding a key down must not lag.
        let mut wait = TICK;
        changed = !effects.is_empty();
        while event::poll(wait)? {
            wait = Duration::ZERO;
            changed = true;
            effects.extend(handle(&mut model, event::read()?));
        }
        for effect in effects {
            match effect {
                Effect::Quit => return Ok(()),
                Effect::Suspend => suspend(&mut terminal, config.mouse)?,
                Effect::Redraw => terminal = fresh()?,
                Effect::Copy(text) => copy(&text)?,
                Effect::Order(order) => model.message = feed.order(order).err(),
                Effect::Ask(job) => packets.ask(job),
                Effect::Rivals(key) => feed.ask_rivals(key),
                Effect::Free(data) => feed.give_back(data),
                Effect::Export(export) => write(&mut model, export),
            }
        }
    }
}

/// Takes in what the other threads have to say; `changed` if they had.
fn news(
    model: &mut Model,
    feed: &mut dyn Feed,
    packets: &mut dyn Packets,
    changed: &mut bool,
) -> Vec<Effect> {
    let mut effects = Vec::new();
    if let Some(data) = feed.newest() {
        *changed = true;
        effects.extend(model.take(data));
    }
    if let Some(answer) = packets.answer() {
        *changed = true;
        effects.extend(model.answer(answer));
    }
    if let Some(rivals) = feed.rivals() {
        *changed = true;
        model.take_rivals(rivals);
    }
    let status = feed.status();
    *changed |= status != model.status;
    model.status = status;
    effects
}

/// What an event changes.
fn handle(model: &mut Model, event: Event) -> Vec<Effect> {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => {
            let character = match key.code {
                KeyCode::Char(c) => Some(c),
                _ => None,
            };
            let key = Key::from(key);
            model.key_pressed(key, character.filter(|_| key.is_plain()))
        }
        Event::Mouse(mouse) => mouse_event(model, mouse),
        Event::Paste(text) => {
            model.pasted(&text);
            Vec::new()
        }
        _ => Vec::new(),
    }
}

fn mouse_event(model: &mut Model, mouse: MouseEvent) -> Vec<Effect> {
    let at = Position::new(mouse.column, mouse.row);
    match mouse.kind {
        MouseEventKind::Down(MouseButton::Left) => model.clicked(at),
        MouseEventKind::Down(MouseButton::Right) => model.act(Action::Back),
        MouseEventKind::ScrollUp => model.wheel(at, false),
        MouseEventKind::ScrollDown => model.wheel(at, true),
        _ => Vec::new(),
    }
}

/// Asks the terminal to take a text into its clipboard (OSC 52, which goes through ssh and tmux). Some terminals don't, or
/// ask first; none says so.
fn copy(text: &str) -> io::Result<()> {
    let mut out = stdout();
    write!(out, "\x1b]52;c;{}\x07", STANDARD.encode(text))?;
    out.flush()
}

/// Writes a file, and says where it went.
fn write(model: &mut Model, export: Export) {
    let (Some(data), Some(attempt)) = (&model.data, model.attempt()) else {
        return model.tell(Err("there is no attempt to write".to_owned()));
    };
    let ladder = model.ladder.ladder.as_ref();
    let done = export.write(Path::new(""), &data.report, attempt, ladder);
    let name = export.file_name(attempt);
    let done = done.map_err(|error| format!("{name}: {error}"));
    model.written(export, done.as_deref().map_err(Clone::clone));
}

type Screen = Terminal<CrosstermBackend<Stdout>>;

fn take(mouse: bool) -> io::Result<Screen> {
    TAKEN.store(true, SeqCst);
    enable_raw_mode()?;
    let mut out = stdout();
    execute!(out, EnterAlternateScreen, EnableBracketedPaste)?;
    if mouse {
        execute!(out, EnableMouseCapture)?;
    }
    fresh()
}

/// An empty screen. Not [`Terminal::clear`]: that asks the terminal where its cursor is and fails without an answer.
fn fresh() -> io::Result<Screen> {
    let mut out = stdout();
    execute!(out, Clear(ClearType::All))?;
    Terminal::new(CrosstermBackend::new(out))
}

/// Gives the terminal back as it was; once, whoever asks first.
fn restore() {
    if !TAKEN.swap(false, SeqCst) {
        return;
    }
    let mut out = stdout();
    let left = execute!(
        out,
        DisableMouseCapture,
        DisableBracketedPaste,
        LeaveAlternateScreen,
        Show
    );
    drop((left, disable_raw_mode(), out.flush()));
}

/// Restores the terminal when the UI is left, by whatever way.
struct Guard;

impl Drop for Guard {
    fn drop(&mut self) {
        restore();
    }
}

/// The message of a panic must not be lost on the alternate screen.
fn restore_on_panic() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        PANICKED.store(true, SeqCst);
        restore();
        before(info);
    }));
}

/// Stops the process as Ctrl-Z does, with the terminal in order; goes on when the shell says so.
fn suspend(terminal: &mut Screen, mouse: bool) -> io::Result<()> {
    if cfg!(unix) {
        restore();
        stop();
        *terminal = take(mouse)?;
    }
    Ok(())
}

#[cfg(unix)]
fn stop() {
    use signal_hook::consts::SIGTSTP;
    drop(signal_hook::low_level::emulate_default_handler(SIGTSTP));
}

#[cfg(not(unix))]
fn stop() {}

/// Signals that end the UI, or stop it for a while, in order.
struct Signals {
    number: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
}

impl Signals {
    #[cfg(unix)]
    fn new() -> io::Result<Self> {
        use signal_hook::consts::{SIGINT, SIGQUIT, SIGTERM};
        let number = Arc::new(AtomicUsize::new(0));
        for signal in [SIGTERM, SIGINT, SIGQUIT] {
            let value = usize::try_from(signal).unwrap_or(1);
            signal_hook::flag::register_usize(signal, Arc::clone(&number), value)?;
        }
        let stop = Arc::new(AtomicBool::new(false));
        signal_hook::flag::register(signal_hook::consts::SIGTSTP, Arc::clone(&stop))?;
        end_on_hangup()?;
        Ok(Self { number, stop })
    }

    #[cfg(not(unix))]
    fn new() -> io::Result<Self> {
        let number = Arc::new(AtomicUsize::new(0));
        let stop = Arc::new(AtomicBool::new(false));
        Ok(Self { number, stop })
    }

    fn stopped(&self) -> bool {
        self.stop.swap(false, SeqCst)
    }

    fn ended(&self) -> bool {
        self.number.load(SeqCst) != 0
    }
}

/// A terminal that is gone reads as an endless file, of which the reader of events never returns: the loop above can't
/// be asked to end, so the process is.
#[cfg(unix)]
fn end_on_hangup() -> io::Result<()> {
    use signal_hook::consts::SIGHUP;
    let mut hangups = signal_hook::iterator::Signals::new([SIGHUP])?;
    std::thread::Builder::new()
        .name("hangup".into())
        .spawn(move || {
            if hangups.forever().next().is_some() {
                restore();
                drop(signal_hook::low_level::emulate_default_handler(SIGHUP));
            }
        })?;
    Ok(())
}

/// The locale says that the terminal shows UTF-8 (POSIX: the first of these that is set decides).
fn locale_is_utf8() -> bool {
    let set = |name| std::env::var(name).ok().filter(|v| !v.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set);
    locale.is_none_or(|l| {
        let l = l.to_lowercase();
        l.contains("utf-8") || l.contains("utf8")
    })
}
