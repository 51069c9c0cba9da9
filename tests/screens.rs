//! Every screen as text at two sizes, as recorded under `tests/screens/`.
//!
//! `RECORD=1 cargo test --test screens` records them anew; look at the difference before it is committed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // in helpers too: a test stops at a surprise

#[path = "support/evening.rs"]
mod evening;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::layout::Position;
use ratatui::style::{Color, Modifier, Style};
use shakedown::diagnose::Thresholds;
use shakedown::engine::{Engine, Limits};
use shakedown::ladder::{Collector, Glyphs};
use shakedown::snapshot::Report;
use shakedown::source::{self, Source};
use shakedown::target::Target;
use shakedown::types::{CaptureId, Timestamp};
use shakedown::ui::action::{Key, Keys};
use shakedown::ui::export::Export;
use shakedown::ui::feed::{Answer, Data, Job, State, Status};
use shakedown::ui::files::Rates;
use shakedown::ui::model::{Effect, Model, Pane, Sort};
use shakedown::ui::screen::{Look, draw};
use shakedown::ui::theme::Theme;
use std::fmt::Write;
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
        model.folder = PathBuf::from("/home/user/captures");
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
                Effect::Export(export) => {
                    let data = self.model.data.clone().unwrap();
                    let ladder = self.model.ladder.ladder.as_ref();
                    let attempt = self.model.attempt().unwrap();
                    let done = export.write(self.dir.path(), &data.report, attempt, ladder);
                    let path = done.unwrap().file_name().map(PathBuf::from).unwrap();
                    self.model.written(export, Ok(&path));
                }
                Effect::Ask(Job::Save(path, _)) => {
                    let more = self.model.answer(Answer::Saved(path, 8));
                    self.follow(more);
                }
                Effect::Ask(Job::Bundle(_)) => {
                    let text = "bundle of 4 attempts, redacted, written to \
                                /home/user/captures/shakedown-ticket.zip";
                    let more = self.model.answer(Answer::Done(text.to_owned()));
                    self.follow(more);
                }
                _ => {}
            }
        }
    }

    /// The mouse is pressed there.
    fn click(&mut self, x: u16, y: u16) {
        let effects = self.model.clicked(Position::new(x, y));
        self.follow(effects);
        self.draw();
    }

    /// The mouse is pressed on the first place where that stands in a line.
    fn click_on(&mut self, y: u16, word: &str) {
        let text = self.text();
        let line = text.lines().nth(y.into()).unwrap();
        let at = line
            .find(word)
            .unwrap_or_else(|| panic!("no {word} in {line}"));
        let x = unicode_width::UnicodeWidthStr::width(&line[..at]);
        self.click(u16::try_from(x).unwrap(), y);
    }

    /// Where a pane is drawn: its first line.
    fn top_of(&self, pane: Pane) -> (u16, u16) {
        let (_, area) = self.model.panes.iter().find(|(p, _)| *p == pane).unwrap();
        (area.x, area.y)
    }

    fn names(&self) -> Vec<String> {
        let data = self.model.data.as_ref().unwrap();
        let rows = self.model.list.rows().iter();
        rows.map(|row| data.attempt(*row as usize).unwrap().name.clone().unwrap())
            .collect()
    }

    /// The text, and below it a letter for how each cell looks, with what the letters mean.
    fn styled(&self) -> String {
        let buffer = self.terminal.backend().buffer();
        let mut known: Vec<Style> = vec![ratatui::buffer::Cell::default().style()];
        let mut map = String::new();
        for line in buffer.content.chunks(buffer.area.width.into()) {
            let mut letters = String::new();
            for cell in line {
                let style = cell.style();
                let at = known.iter().position(|s| *s == style).unwrap_or_else(|| {
                    known.push(style);
                    known.len() - 1
                });
                letters.push(if at == 0 {
                    '.'
                } else {
                    char::from(b'`' + u8::try_from(at).unwrap())
                });
            }
            map.push_str(letters.trim_end_matches('.'));
            map.push('\n');
        }
        let mut out = format!("{}\n{map}\n", self.text());
        for (at, style) in (0_u8..).zip(&known).skip(1) {
            let colour = |c: Option<Color>| c.filter(|c| *c != Color::Reset);
            let _ = write!(out, "{}:", char::from(b'`' + at));
            if let Some(fg) = colour(style.fg) {
                let _ = write!(out, " {fg}");
            }
            if let Some(bg) = colour(style.bg) {
                let _ = write!(out, " on {bg}");
            }
            if style.add_modifier != Modifier::empty() {
                let _ = write!(out, " {:?}", style.add_modifier);
            }
            out.push('\n');
        }
        out
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
        self.compare(name, self.text());
    }

    /// The same, and how every cell looks.
    fn looks(&self, name: &str) {
        self.compare(name, self.styled());
    }

    fn compare(&self, name: &str, text: String) {
        let area = self.terminal.backend().buffer().area;
        let name = format!("{name}-{}x{}.txt", area.width, area.height);
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/screens");
        let path = folder.join(&name);
        if std::env::var_os("RECORD").is_some() {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&path, &text).unwrap();
        }
        let recorded = std::fs::read_to_string(&path).unwrap_or_default();
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

/// As a live capture shows it so many tenths of a second after it began: a SYN that nobody answers is waited for.
fn while_it_happens(path: &Path, tenths: i64) -> (Report, Status) {
    let now = Timestamp(1_773_480_413_000_000_000 + tenths * 100_000_000);
    let mut source = source::open(&[path.to_owned()]).unwrap();
    let mut engine = Engine::new(Target::tiktok(), Limits::default());
    let (mut packets, mut bytes) = (0, 0);
    while let Some(frame) = source.next_frame() {
        if frame.mark.time > now {
            break;
        }
        engine.handle_frame(&frame);
        packets += 1;
        bytes += u64::from(frame.original_len);
    }
    engine.handle_time(CaptureId(0), now);
    let mut captures = source.captures();
    let capture = &mut captures[0];
    (capture.source, capture.goes_on) = ("wlan0".to_owned(), true);
    (capture.complete, capture.problems) = (true, Vec::new());
    (capture.packets, capture.bytes, capture.dropped) = (packets, bytes, Some(17));
    let report = engine.snapshot(&captures, Thresholds::default());
    let status = Status {
        state: State::Live,
        packets,
        bytes,
        dropped: Some(17),
        clock: Some(now),
        bars: vec![0, 3, 32, 1, 9, 0, 0, 4, 1, 1],
        bar: 1_000_000_000,
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
screen!(verdict, ["v"]);
screen!(verdict_further_down, ["v", "pgdn"]);
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
screen!(
    bytes,
    [
        "j", "j", "j", "j", "enter", "k", "k", "k", "k", "enter", "enter", "j", "j"
    ]
);
screen!(resolvers, ["R"]);
screen!(servers, ["V"]);
screen!(causes, ["j", "j", "c"]);
screen!(cause_text, ["c", "tab", "j", "j"]);
screen!(export, ["e", "j"]);
screen!(exported, ["j", "j", "e", "enter", "j", "j", "enter", "B"]);
screen!(help, ["?"]);
screen!(help_further_down, ["?", "G"]);
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
        assert_eq!(ascii, "", "{}", ui.text());
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
fn a_live_capture() {
    for size in SIZES {
        let mut ui = Ui::new(size);
        let (report, status) = while_it_happens(&ui.file(), 69);
        drop(ui.model.take(Arc::new(Data::new(report, false))));
        ui.model.status = status;
        ui.press(&["G"]);
        ui.is("live_waits");
        let counts = if size.0 < 100 {
            "#2 0.4s"
        } else {
            "SYN 2 ~0.4 s"
        };
        assert!(ui.text().contains(counts), "{}", ui.text());
        let (report, status) = while_it_happens(&ui.file(), 100);
        drop(ui.model.take(Arc::new(Data::new(report, false))));
        ui.model.status = status;
        ui.press(&["G"]);
        ui.is("live");
        ui.press(&["space"]);
        assert!(ui.text().contains("FROZEN"), "{}", ui.text());
        ui.press(&["space", "d"]);
        ui.is("live_detail");
        ui.press(&["p"]);
        assert!(ui.text().contains("its own pace"), "{}", ui.text());
    }
}

/// On a light background, and without colours: the styles as well as the text.
#[test]
fn themes() {
    let screens: [(&str, &[&str]); 3] = [
        ("attempts", &["j", "j", "j"]),
        ("ladder", &["j", "j", "j", "j", "enter", "k"]),
        ("detail", &["j", "j", "d"]),
    ];
    for (theme, name) in [
        (Theme::Dark, "dark"),
        (Theme::Light, "light"),
        (Theme::Mono, "mono"),
    ] {
        for (screen, keys) in screens {
            let mut ui = Ui::new((80, 24));
            ui.look.theme = theme;
            ui.press(keys);
            ui.looks(&format!("{name}_{screen}"));
            let cells = &ui.terminal.backend().buffer().content;
            let hard_to_see = |c: Color| match theme {
                // Solarized has its background there.
                Theme::Dark => c == Color::DarkGray || c == Color::Black,
                Theme::Light => {
                    matches!(c, Color::Yellow | Color::Cyan | Color::White | Color::Gray)
                }
                Theme::Mono => c != Color::Reset,
            };
            assert!(
                !cells.iter().any(|c| hard_to_see(c.fg) || hard_to_see(c.bg)),
                "{name} {screen}"
            );
        }
    }
}

#[test]
fn the_mouse_chooses_and_opens() {
    let mut ui = Ui::new((80, 24));
    let (x, y) = ui.top_of(Pane::First);
    for _ in 0..2 {
        ui.click(x + 10, y + 2);
    }
    assert!(
        ui.text().contains("BROKE HERE tcp.syn-unanswered"),
        "{}",
        ui.text()
    );
    assert_eq!(ui.asked, 1);
    ui.click_on(0, "Detail");
    assert!(ui.text().contains("findings and facts"), "{}", ui.text());
    assert_eq!(ui.asked, 1, "the packets are there already");
    ui.click_on(23, "packets");
    assert_eq!(ui.model.pane, Pane::Second, "the last line can be clicked");
    ui.click_on(23, "back");
    assert!(ui.text().contains("BROKE HERE"), "{}", ui.text());
}

#[test]
fn the_mouse_sorts_and_scrolls_what_is_under_it() {
    let mut ui = Ui::new((200, 50));
    let order = ui.names();
    let heading = ui.top_of(Pane::First).1 - 1;
    ui.click_on(heading, "took");
    assert_eq!(ui.model.list.sort, Sort::Took);
    assert_eq!(ui.names()[0], "api16-normal-c-useast1a.tiktokv.com");
    ui.click_on(heading, "took");
    assert_eq!(
        ui.names().last().unwrap(),
        "api16-normal-c-useast1a.tiktokv.com"
    );
    ui.click_on(heading, "UTC");
    assert_eq!(ui.names(), order);
    ui.press(&["d"]);
    let (x, y) = ui.top_of(Pane::Second);
    drop(ui.model.wheel(Position::new(x + 1, y + 1), true));
    assert_eq!((ui.model.ladder.list.at, ui.model.pane), (3, Pane::First));
    let facts = ui.top_of(Pane::First);
    ui.click(x, y);
    assert_eq!((ui.model.ladder.list.at, ui.model.pane), (0, Pane::Second));
    ui.click(facts.0, facts.1);
    assert_eq!(ui.model.pane, Pane::First);
    ui.press(&["c"]);
    let (x, y) = ui.top_of(Pane::First);
    ui.click(x, y + 1);
    let scroll = *ui.model.scroll();
    assert_eq!(scroll.at, scroll.top + 1);
}

#[test]
fn the_list_is_sorted_by_every_column() {
    let mut ui = Ui::new((200, 50));
    let all = |ui: &Ui, of: &dyn Fn(&shakedown::snapshot::Attempt) -> String| -> Vec<String> {
        let data = ui.model.data.clone().unwrap();
        let rows = ui.model.list.rows().iter();
        rows.map(|r| of(data.attempt(*r as usize).unwrap()))
            .collect()
    };
    ui.press(&["s"]);
    let outcomes = all(&ui, &|a| a.outcome.as_str().to_owned());
    assert_eq!(
        outcomes[..5],
        ["broken", "broken", "broken", "broken", "degraded"]
    );
    assert!(ui.text().contains("by outcome"), "{}", ui.text());
    ui.press(&["s"]);
    let took = all(&ui, &|a| format!("{:020.6}", a.duration));
    assert!(took.is_sorted_by(|a, b| a >= b), "{took:?}");
    ui.press(&["s"]);
    assert!(ui.names().is_sorted());
    ui.press(&["S"]);
    assert!(ui.names().is_sorted_by(|a, b| a >= b));
    ui.press(&["S", "s"]);
    let blames = all(&ui, &|a| a.blame.map_or("~", |b| b.as_str()).to_owned());
    assert!(blames.is_sorted() && blames[0] != "~", "{blames:?}");
    ui.press(&["s"]);
    let causes = all(&ui, &|a| a.cause.clone().unwrap_or_else(|| "~".to_owned()));
    assert!(causes.is_sorted() && causes[0] != "~", "{causes:?}");
    ui.press(&["s"]);
    assert_eq!(ui.model.list.sort, Sort::Started);
}

#[test]
fn a_filter_is_typed_as_in_a_shell_and_can_be_taken_back() {
    let mut ui = Ui::new((80, 24));
    ui.press(&["/", "w", "w", "w", "enter"]);
    assert_eq!(ui.names(), ["www.tiktok.com", "www.tiktok.com"]);
    assert!(ui.text().contains("filter www (2 of 8)"), "{}", ui.text());
    ui.press(&["/", "x"]);
    assert!(ui.names().is_empty());
    ui.press(&["esc"]);
    assert_eq!(ui.model.filter_text, "www", "as before");
    assert_eq!(ui.names().len(), 2);
    ui.press(&["/", "home", "-", "end", "x", "left", "delete", "enter"]);
    assert_eq!(ui.model.filter_text, "-www");
    assert_eq!(ui.names().len(), 6);
    ui.press(&["/", "ctrl-u"]);
    ui.model.pasted(&format!("name:/{}/\n", "a|".repeat(9_999)));
    assert_eq!(ui.model.filter_text.chars().count(), 500, "and no more");
    ui.press(&["ctrl-u"]);
    ui.model.pasted("blame:interceptor");
    ui.press(&["enter"]);
    assert_eq!(ui.names().len(), 3);
    ui.press(&[
        "/", "ctrl-u", "s", "t", "a", "g", "e", ":", "/", "(", "enter",
    ]);
    assert!(
        ui.text().contains("no regular expression: unclosed group"),
        "{}",
        ui.text()
    );
    assert!(ui.model.prompt.is_some(), "it stays to be mended");
    ui.press(&["esc", "q"]);
    assert!(ui.model.filter_text.is_empty() && !ui.left);
    ui.press(&["V", "j", "enter"]);
    assert_eq!(
        ui.names(),
        ["www.tiktok.com", "www.tiktok.com"],
        "by server"
    );
    ui.press(&["R", "enter"]);
    assert_eq!(ui.names().len(), 8, "by resolver");
}

#[test]
fn every_export_says_where_it_went() {
    let mut ui = Ui::new((200, 50));
    ui.press(&["j", "j", "e"]);
    for (at, export) in Export::ALL.iter().enumerate() {
        ui.press(&["enter"]);
        let told = ui.model.told.last().unwrap().clone().unwrap();
        let file = export.file_name(ui.model.attempt().unwrap());
        assert!(told.contains(&file), "{export:?}: {told}");
        assert!(told.contains("/home/user/captures/"), "{told}");
        assert_eq!(ui.model.told.len(), at + 1);
        assert!(
            ui.text().matches(&told).count() == 2,
            "in the list and below: {}",
            ui.text()
        );
        ui.press(&["j"]);
    }
    ui.model.written(
        Export::Json,
        Err("shakedown-3.json: no space left".to_owned()),
    );
    ui.draw();
    assert!(
        ui.text()
            .contains("attempt as JSON not written: shakedown-3.json: no space left")
    );
    // The copy of the filter is what Wireshark takes.
    let filter = ui.model.attempt().unwrap().filter.clone();
    let key = Key::parse("Y").unwrap();
    let effects = ui.model.key_pressed(key, Some('Y'));
    assert!(
        matches!(&effects[..], [Effect::Copy(text)] if *text == filter),
        "{effects:?}"
    );
}

/// The ladder of a live attempt grows while it is looked at, and the cursor stays where it is.
#[test]
fn an_open_ladder_grows() {
    let mut ui = Ui::new((80, 24));
    let (report, status) = while_it_happens(&ui.file(), 69);
    ui.model.status = status;
    drop(ui.model.take(Arc::new(Data::new(report, false))));
    ui.press(&["G", "enter", "k", "k"]);
    assert_eq!(ui.asked, 1);
    let at = ui.model.ladder.packet();
    let (report, status) = while_it_happens(&ui.file(), 100);
    ui.model.status = status;
    for _ in 0..2 {
        let data = Arc::new(Data::new(report.clone(), false));
        let effects = ui.model.take(data);
        ui.follow(effects);
        ui.draw();
        assert_eq!(ui.asked, 2, "once, and no more while nothing changes");
    }
    assert!(ui.text().contains("BROKE HERE"), "{}", ui.text());
    assert_eq!(ui.model.ladder.packet(), at);
}

/// A file that is being written is not given up for the packets of another attempt.
#[test]
fn one_job_at_a_time() {
    let mut ui = Ui::new((80, 24));
    ui.press(&["e", "j", "j"]);
    let enter = Key::parse("enter").unwrap();
    let effects = ui.model.key_pressed(enter, None);
    let [Effect::Ask(Job::Save(path, _))] = &effects[..] else {
        panic!("{effects:?}")
    };
    ui.press(&["1", "j", "enter"]);
    assert_eq!(ui.asked, 0);
    assert!(
        ui.text().contains("a file is being written"),
        "{}",
        ui.text()
    );
    let more = ui.model.answer(Answer::Saved(path.clone(), 3));
    ui.follow(more);
    ui.draw();
    assert_eq!(ui.asked, 1);
    assert!(ui.text().contains("NXDOMAIN"), "{}", ui.text());
}

#[test]
fn ascii_is_enough_for_every_screen() {
    for size in SIZES {
        let mut ui = Ui::new(size);
        ui.look.glyphs = Glyphs::ASCII;
        for keys in [
            "v", "L", "d", "tab", "R", "V", "c", "tab", "e", "enter", "?", "G", "1", "/", "x",
        ] {
            ui.press(&[keys]);
            let strange: String = ui.text().chars().filter(|c| !c.is_ascii()).collect();
            assert_eq!(strange, "", "after {keys}: {}", ui.text());
        }
    }
}

/// Nothing ends at the right edge as if that were all of it.
#[test]
fn what_is_cut_says_so() {
    for width in [60, 80, 100] {
        let mut ui = Ui::new((width, 24));
        let (mut report, _) = analysed(&ui.file());
        let long = "word ".repeat(60);
        report.verdict.headline = long.clone();
        report.verdict.coverage = long.clone();
        report.attempts[2].findings[0].what = long.clone();
        report.captures[0].source = long.replace(' ', "-");
        drop(ui.model.take(Arc::new(Data::new(report, true))));
        for keys in [&["g", "j", "j"][..], &["R"], &["enter"]] {
            ui.press(keys);
            let text = ui.text();
            let lines = text.lines().filter(|l| l.trim_end().ends_with("word"));
            // Only a line that the next one goes on.
            for line in lines {
                let next = text.lines().skip_while(|l| l != &line).nth(1).unwrap();
                assert!(next.trim_start().starts_with("word"), "{text}");
            }
        }
        ui.model.message = Some(format!("written to /{}/file.txt", "folder/".repeat(30)));
        ui.draw();
        assert!(ui.text().contains("…") && ui.text().trim_end().ends_with("/file.txt"));
    }
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
