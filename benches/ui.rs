//! What the terminal UI costs: a snapshot of 100,000 attempts, and a frame at 200x50 with these held.

#![allow(missing_docs, clippy::unwrap_used)]

use divan::{Bencher, black_box};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use shakedown::diagnose::Thresholds;
use shakedown::engine::{Engine, Limits};
use shakedown::ladder::Glyphs;
use shakedown::target::Target;
use shakedown::types::{CaptureId, Direction, Frame, FrameNumber, LinkType, Mark, Timestamp};
use shakedown::ui::action::{Action, Keys};
use shakedown::ui::feed::Data;
use shakedown::ui::filter::Filter;
use shakedown::ui::model::Model;
use shakedown::ui::screen::{Look, draw};
use shakedown::ui::theme::Theme;
use shakedown_craft::prelude::*;
use std::net::Ipv4Addr;
use std::sync::Arc;

const CLIENT: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 23);

fn main() {
    divan::main();
}

/// An engine that has seen `clients` clients visit the target, one attempt each; every third one in vain.
fn engine(clients: u32) -> Engine {
    let good = script(|net| net.visit("www.tiktok.com", "23.49.60.10"));
    let bad = script(|net| {
        net.resolve("api16-normal.tiktokv.com", &["2.16.20.33"]);
        let mut tcp = net.tcp("2.16.20.33");
        tcp.syn();
        tcp.syn_retransmits(&[1000, 3000]);
    });
    let mut engine = Engine::new(Target::tiktok(), Limits::default());
    let mut number = 0;
    for client in 0..clients {
        let script = if client % 3 == 0 { &bad } else { &good };
        for (at, ip) in script {
            let mut data = ip.clone();
            for address in [12, 16] {
                if data[address..address + 4] == CLIENT.octets() {
                    data[address..address + 4]
                        .copy_from_slice(&(0x0a00_0000 + client).to_be_bytes());
                }
            }
            number += 1;
            engine.handle_frame(&Frame {
                mark: Mark {
                    time: Timestamp(
                        1_773_480_413_000_000_000 + i64::from(client) * 100_000_000 + at,
                    ),
                    frame: FrameNumber(number),
                    capture: CaptureId(0),
                },
                link: LinkType(101),
                original_len: u32::try_from(data.len()).unwrap(),
                direction: Direction::Unknown,
                uid: None,
                data: &data,
            });
        }
    }
    engine
}

fn script(happen: impl Fn(&Net)) -> Vec<(i64, Vec<u8>)> {
    let net = Net::new("ui");
    happen(&net);
    let frames = net.frames();
    frames
        .iter()
        .map(|f| (i64::try_from(f.at).unwrap(), f.ip.clone()))
        .collect()
}

#[divan::bench(args = [1_000, 10_000, 100_000], sample_count = 5)]
fn snapshot(bencher: Bencher<'_, '_>, attempts: u32) {
    let engine = engine(attempts);
    bencher.bench_local(|| black_box(engine.snapshot(&[], Thresholds::default())));
}

/// What the screens hold with so many attempts.
fn model(attempts: u32) -> Model {
    let report = engine(attempts).snapshot(&[], Thresholds::default());
    let mut model = Model::new(Keys::default());
    drop(model.take(Arc::new(Data::new(report, true))));
    model
}

fn paint(terminal: &mut Terminal<TestBackend>, model: &mut Model) {
    let look = Look {
        theme: Theme::Dark,
        glyphs: Glyphs::UNICODE,
    };
    terminal.draw(|frame| draw(frame, model, look)).unwrap();
}

/// A frame at 200x50 after a key.
#[divan::bench(args = [1_000, 100_000], sample_count = 50)]
fn frame(bencher: Bencher<'_, '_>, attempts: u32) {
    let mut model = model(attempts);
    let mut terminal = Terminal::new(TestBackend::new(200, 50)).unwrap();
    bencher.bench_local(|| {
        drop(model.act(Action::PageDown));
        paint(&mut terminal, &mut model);
    });
}

/// A newer snapshot comes: the list is made anew, with a filter and sorted by name, and painted.
#[divan::bench(sample_count = 10)]
fn newer_snapshot_of_100_000(bencher: Bencher<'_, '_>) {
    let mut model = model(100_000);
    model.list.filter = Filter::parse("outcome:broken name:tiktok").unwrap();
    drop(model.act(Action::Sort));
    let data = model.data.clone().unwrap();
    let mut terminal = Terminal::new(TestBackend::new(200, 50)).unwrap();
    bencher.bench_local(|| {
        drop(model.take(Arc::clone(&data)));
        paint(&mut terminal, &mut model);
    });
}
