//! Every screen as text at two sizes, as recorded under `tests/screens/`.
//!
//! `RECORD=1 cargo test --test screens` records them anew; look at the difference before it is committed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // in helpers too: a test stops at a surprise

#[path = "support/evening.rs"]
mod evening;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::layout::Position;
use shakedown::diagnose::Thresholds;
use shakedown::engine::{Engine, Limits};
use shakedown::ladder::{Collector, Glyphs};
use shakedown::snapshot::Report;
use shakedown::source::{self, Source};
use shakedown::target::Target;
use shakedown::types::Timestamp;
use shakedown::ui::action::{Key, Keys};
use shakedown::ui::feed::{Answer, Data, Job, State, Status};
use shakedown::ui::files::Rates;
use shakedown::ui::model::{Effect, Model};
use shakedown::ui::screen::{Look, draw};
use shakedown::ui::theme::Theme;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const SIZES: [(u16, u16); 2] = [(80, 24), (200, 50)];

/// The screens without a terminal and without threads.
struct Ui {
    dir: tempfile::TempDir,
    terminal: Terminal<TestBackend>,
    model: Model,
    look: Look,
    asked: usize,
    left: bool,
}

impl Ui {
    fn new((width, height): (u16, u16)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("evening.pcap"), evening::file()).unwrap();
        let mut model = Model::new(Keys::default());
        let (report, status) = analysed(&dir.path().join("evening.pcap"));
        model.status = status;
        drop(model.take(Arc::new(Data::new(report, true))));
        let look = Look {
            theme: Theme::Dark,
            glyphs: Glyphs::UNICODE,
        };
        let terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        let mut ui = Self {
            dir,
            terminal,
            model,
            look,
            asked: 0,
            left: false,
        };
        ui.draw();
        ui
    }

    fn draw(&mut self) {
        let (model, look) = (&mut self.model, self.look);
        self.terminal
            .draw(|frame| draw(frame, model, look))
            .unwrap();
    }

    /// Presses keys by name, painting after each, as the program does.
    fn press(&mut self, keys: &[&str]) {
        for name in keys {
            let key = Key::parse(name).unwrap();
            let mut chars = name.chars();
            let character = match (chars.next(), chars.next()) {
                (Some(c), None) => Some(c),
                _ => (*name == "space").then_some(' '),
            };
            let effects = self.model.key_pressed(key, character);
            self.follow(effects);
            self.draw();
        }
    }

    fn follow(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Ask(Job::Collect(key, attempt)) => {
                    self.asked += 1;
                    let mut source = source::open(&[self.file()]).unwrap();
                    let mut collector = Collector::new(&attempt);
                    while source.next_frame().is_some_and(|f| collector.take(&f)) {}
                    let more = self
                        .model
                        .answer(Answer::Collected(key, collector.finish()));
                    self.follow(more);
                }
                Effect::Quit => self.left = true,
                _ => {}
            }
        }
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("evening.pcap")
    }

    fn text(&self) -> String {
        let buffer = self.terminal.backend().buffer();
        let mut out = String::new();
        for line in buffer.content.chunks(buffer.area.width.into()) {
            // A wide character owns the cell after it as well.
            let mut hidden = 0_usize;
            let mut text = String::new();
            for cell in line {
                if hidden == 0 {
                    text.push_str(cell.symbol());
                    hidden = unicode_width::UnicodeWidthStr::width(cell.symbol());
                }
                hidden = hidden.saturating_sub(1);
            }
            out.push_str(text.trim_end());
            out.push('\n');
        }
        out
    }

    /// Compares the screen with the recorded one.
    fn is(&self, name: &str) {
        let area = self.terminal.backend().buffer().area;
        let name = format!("{name}-{}x{}.txt", area.width, area.height);
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/screens");
        let path = folder.join(&name);
        if std::env::var_os("RECORD").is_some() {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&path, self.text()).unwrap();
        }
        let recorded = std::fs::read_to_string(&path).unwrap_or_default();
        let text = self.text();
        assert_eq!(text, recorded, "{name} differs; now it is\n{text}");
    }
}

fn analysed(path: &Path) -> (Report, Status) {
    let mut source = source::open(&[path.to_owned()]).unwrap();
    let mut engine = Engine::new(Target::tiktok(), Limits::default());
    let mut rates = Rates::default();
    while let Some(frame) = source.next_frame() {
        engine.handle_frame(&frame);
        rates.add(frame.mark.time);
    }
    engine.finish();
    let mut captures = source.captures();
    captures[0].source = "evening.pcap".to_owned();
    let report = engine.snapshot(&captures, Thresholds::default());
    let (bars, bar) = rates.bars();
    let status = Status {
        state: State::Done,
        packets: captures[0].packets,
        bytes: captures[0].bytes,
        part: Some(1.0),
        clock: Some(Timestamp(1_773_480_420_500_000_000)),
        bars,
        bar,
        ..Status::default()
    };
    (report, status)
}

/// A test of one screen at both sizes.
macro_rules! screen {
    ($test:ident, $keys:expr) => {
        #[test]
        fn $test() {
            for size in SIZES {
                let mut ui = Ui::new(size);
                ui.press(&$keys);
                ui.is(stringify!($test));
            }
        }
    };
}

screen!(attempts, ["j", "j"]);
screen!(attempts_sorted, ["s", "S"]);
screen!(ladder_of_silence, ["j", "j", "enter"]);
screen!(ladder_of_resets, ["j", "j", "j", "j", "enter"]);
screen!(ladder_of_a_fallback, ["n", "n", "n", "j", "enter", "g"]);
screen!(ladder_folded, ["G", "enter"]);
screen!(ladder_unfolded, ["G", "enter", "f"]);
screen!(detail, ["j", "j", "d"]);
screen!(
    detail_further_down,
    ["n", "n", "n", "n", "d", "pgdn", "pgdn", "pgdn"]
);
screen!(packets, ["j", "j", "d", "tab"]);
screen!(resolvers, ["R"]);
screen!(servers, ["V"]);
screen!(causes, ["j", "j", "c"]);
screen!(cause_text, ["c", "tab", "j", "j"]);
screen!(export, ["e", "j"]);
screen!(help, ["?"]);
screen!(
    filter_being_typed,
    ["/", "o", "u", "t", "c", "o", "m", "e", ":", "b", "r"]
);
screen!(filter_with_a_mistake, ["/", "/", "(", "/"]);
screen!(filter_that_shows_nothing, ["/", "x", "y", "z", "enter"]);

/// `cargo test --test screens make_the_evening -- --ignored`, when what happens in it has changed.
#[test]
#[ignore = "makes the capture anew"]
fn make_the_evening() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support");
    std::fs::write(folder.join("evening.pcap"), evening::craft()).unwrap();
}

#[test]
fn ascii_and_states_of_playing() {
    for size in SIZES {
        let mut ui = Ui::new(size);
        ui.look = Look {
            theme: Theme::Mono,
            glyphs: Glyphs::ASCII,
        };
        ui.model.status.state = State::Playing(4.0);
        ui.model.status.dropped = Some(17);
        ui.press(&["space", "G", "k", "k"]);
        let ascii = ui
            .text()
            .chars()
            .filter(|c| !c.is_ascii())
            .collect::<String>();
        assert_eq!(ascii.trim_matches('·'), "", "{}", ui.text());
        ui.is("ascii_playing");
    }
}

#[test]
fn hostile_and_wide_names_stay_in_their_column() {
    for size in SIZES {
        let mut ui = Ui::new(size);
        let (mut report, _) = analysed(&ui.file());
        report.attempts[0].name = Some("例え.テスト.とても長い名前.とても長い名前.jp".to_owned());
        let hostile = "\x1b[2J\u{202e}evil\r\n";
        report.attempts[1].name = Some(shakedown::snapshot::clean::clean(hostile));
        drop(ui.model.take(Arc::new(Data::new(report, true))));
        ui.draw();
        ui.is("names");
        let buffer = ui.terminal.backend().buffer();
        let bad = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}');
        assert!(buffer.content.iter().all(|c| !c.symbol().contains(bad)));
    }
}

#[test]
fn rows_stay_where_they_are_while_others_come() {
    let mut ui = Ui::new((80, 24));
    let (full, _) = analysed(&ui.file());
    let some = |count: usize| {
        let mut report = full.clone();
        // Attempts before those known so far come up late, and shift all numbers.
        report.attempts.drain(..8 - count);
        Arc::new(Data::new(report, false))
    };
    drop(ui.model.take(some(4)));
    ui.press(&["g", "j"]);
    let name = ui.model.attempt().unwrap().name.clone();
    let line = ui.model.list.scroll.at - ui.model.list.scroll.top;
    ui.press(&["space"]);
    drop(ui.model.take(some(6)));
    assert_eq!(ui.model.list.rows().len(), 4, "frozen");
    ui.press(&["space"]);
    assert_eq!(ui.model.list.rows().len(), 6);
    drop(ui.model.take(some(8)));
    ui.draw();
    let scroll = ui.model.list.scroll;
    assert_eq!(ui.model.attempt().unwrap().name, name);
    assert_eq!(scroll.at, 5);
    assert!(scroll.at - scroll.top >= line);
}

#[test]
fn the_mouse_chooses_and_opens() {
    let mut ui = Ui::new((80, 24));
    let third = Position::new(10, ui.model.body.y + 2);
    for _ in 0..2 {
        let effects = ui.model.clicked(third);
        ui.follow(effects);
        ui.draw();
    }
    assert!(
        ui.text().contains("BROKE HERE tcp.syn-unanswered"),
        "{}",
        ui.text()
    );
    assert_eq!(ui.asked, 1);
    let effects = ui.model.clicked(Position::new(22, 0));
    ui.follow(effects);
    ui.draw();
    assert!(ui.text().contains("findings and facts"), "{}", ui.text());
    assert_eq!(ui.asked, 1, "the packets are there already");
}

#[test]
fn every_key_works_on_every_screen_and_size() {
    let mut keys: Vec<&str> = shakedown::ui::action::TABLE
        .iter()
        .flat_map(|b| b.keys.iter().copied())
        .collect();
    keys.extend(["x", "/", "a", "enter", "backspace"]);
    let mut state = 0x9e37_79b9_u32;
    for size in [(80, 24), (200, 50), (40, 10), (41, 11), (5, 3), (300, 12)] {
        let mut ui = Ui::new(size);
        for _ in 0..600 {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            ui.press(&[keys[state as usize % keys.len()]]);
        }
    }
}
