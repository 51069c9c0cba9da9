//! Looks at what is on paper as its reader's program would: Markdown through a renderer, HTML by what it asks for.

use pulldown_cmark::{Event, Options, Parser, Tag};
use serde_json::Value;

/// Tables and fences that are whole, and no markup that came from outside: no link, no image, no HTML.
pub fn check_markdown(text: &str) -> Result<(), String> {
    let mut rows = 0;
    let mut headings = 0;
    for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::Link { dest_url, .. }) => {
                return Err(format!("a link to {dest_url}"));
            }
            Event::Start(Tag::Image { .. }) => return Err("an image".to_owned()),
            Event::Html(html) | Event::InlineHtml(html) => return Err(format!("HTML: {html}")),
            Event::Start(Tag::TableHead | Tag::TableRow) => rows += 1,
            Event::Start(Tag::Heading { .. }) => headings += 1,
            Event::Text(text) if text.starts_with("| ") => {
                return Err(format!("a broken table: {text}"));
            }
            _ => {}
        }
    }
    // A fence that is not closed would swallow what follows; a table that is cut loses its rows.
    let mut fence: Option<&str> = None;
    let (mut expected_rows, mut expected_headings) = (0, 0);
    for line in text.lines() {
        let ticks = &line[..line.len() - line.trim_start_matches('`').len()];
        match fence {
            Some(open) if line.trim_end() == open => fence = None,
            Some(_) => {}
            None if ticks.len() >= 3 => fence = Some(ticks),
            None => {
                expected_rows += usize::from(line.starts_with("| ") && !line.starts_with("| ---"));
                expected_headings += usize::from(line.starts_with('#'));
            }
        }
    }
    if fence.is_some() {
        return Err("a fence is not closed".to_owned());
    }
    if (rows, headings) != (expected_rows, expected_headings) {
        return Err(format!(
            "{rows} rows and {headings} headings are shown of {expected_rows} and {expected_headings}"
        ));
    }
    Ok(())
}

/// A policy that allows nothing but the style sheet's hash, no script, nothing loaded, and elements that are closed.
pub fn check_html(text: &str) -> Result<(), String> {
    let lower = text.to_ascii_lowercase();
    let policy = "content=\"default-src 'none'; style-src 'sha256-";
    if !text.contains(policy) || text.contains("unsafe") {
        return Err("the content security policy is not strict".to_owned());
    }
    for bad in [
        "<script",
        "<img",
        "<iframe",
        "<object",
        "<link",
        "<base",
        "<form",
        " style=",
        " src=",
        "<foreignobject",
        "@import",
        "url(",
    ] {
        let found = lower
            .match_indices(bad)
            .find(|(at, _)| is_markup(&lower, *at));
        if found.is_some() {
            return Err(format!("{bad} is in the page"));
        }
    }
    let mut open: Vec<&str> = Vec::new();
    for piece in text.split('<').skip(1) {
        let (tag, _) = piece.split_once('>').ok_or("a tag is not closed")?;
        let name = tag.trim_start_matches('/');
        let name = &name[..name
            .find(|c: char| !c.is_ascii_alphanumeric())
            .unwrap_or(name.len())];
        check_attributes(tag)?;
        if tag.starts_with('!') || tag.ends_with('/') || ["meta", "br"].contains(&name) {
            continue;
        }
        if tag.starts_with('/') {
            match open.pop() {
                Some(last) if last == name => {}
                other => return Err(format!("</{name}> closes {other:?}")),
            }
        } else {
            open.push(name);
        }
    }
    match open.is_empty() {
        true => Ok(()),
        false => Err(format!("{open:?} is not closed")),
    }
}

/// No handler, and links only to places in the page.
fn check_attributes(tag: &str) -> Result<(), String> {
    for part in tag.split_whitespace().skip(1) {
        if part.to_ascii_lowercase().starts_with("on") && part.contains('=') {
            return Err(format!("a handler: {part}"));
        }
        if let Some(to) = part.strip_prefix("href=\"")
            && !to.starts_with('#')
        {
            return Err(format!("a link to {to}"));
        }
    }
    Ok(())
}

/// It stands in a tag (or begins one), not in escaped text.
fn is_markup(text: &str, at: usize) -> bool {
    let before = &text[..=at];
    before.rfind('<') > before.rfind('>') || text[at..].starts_with('<')
}

/// Nothing in it drives a terminal or turns text around.
pub fn harmless(text: &str) {
    let bad = |c: &char| {
        (c.is_control() && *c != '\n')
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if let Some(found) = text.chars().find(bad) {
        let at = text.find(found).unwrap_or(0);
        let around: String = text[at..].chars().take(80).collect();
        panic!("{found:?} in {}", around.escape_debug());
    }
    assert!(!text.contains("line\nbreak"), "{}", text.escape_debug());
}

/// Every text of a JSON value.
pub fn strings(value: &Value, look: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => look(text),
        Value::Array(items) => items.iter().for_each(|item| strings(item, look)),
        Value::Object(fields) => fields.iter().for_each(|(key, item)| {
            look(key);
            strings(item, look);
        }),
        _ => {}
    }
}
