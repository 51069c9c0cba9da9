//! Reads the embedded tables: lines of tab-separated fields, `#` comments, one header line.

/// The rows of a table as arrays of `N` fields. Comments and the header line are left out, and so is a line with
/// another number of fields: a table is part of the program, and the tests find such lines.
pub(super) fn rows<const N: usize>(
    text: &'static str,
) -> impl Iterator<Item = [&'static str; N]> + Clone {
    lines(text).skip(1).filter_map(fields)
}

/// A field, or `None` where the table has `-`.
pub(super) fn optional(field: &'static str) -> Option<&'static str> {
    (field != "-").then_some(field)
}

/// The items of a field that holds a list separated by commas; `-` is the empty list.
pub(super) fn list(field: &'static str) -> impl Iterator<Item = &'static str> {
    optional(field).into_iter().flat_map(|text| text.split(','))
}

/// The comment lines at the head of a table, without the mark: what it is, its sources and dates, its columns.
pub(super) fn head(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines().map_while(|line| line.strip_prefix("# "))
}

fn lines(text: &'static str) -> impl Iterator<Item = &'static str> + Clone {
    text.lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
}

fn fields<const N: usize>(line: &'static str) -> Option<[&'static str; N]> {
    let mut row = [""; N];
    let mut parts = line.split('\t');
    for field in &mut row {
        *field = parts.next()?;
    }
    parts.next().is_none().then_some(row)
}

/// What every table must hold: each line has `N` fields, none empty or padded, no line twice, and the head is dated.
#[cfg(test)]
pub(super) fn check<const N: usize>(text: &'static str) {
    let mut seen = std::collections::HashSet::new();
    for line in lines(text) {
        let row = fields::<N>(line).unwrap_or_else(|| panic!("not {N} fields: {line}"));
        for field in row {
            assert!(
                !field.is_empty() && field.trim() == field,
                "bad field in: {line}"
            );
        }
        assert!(seen.insert(line), "twice: {line}");
    }
    assert!(seen.len() > 1, "empty table");
    let dated = |line: &str| line.starts_with("Collected 20") || line.contains("ritten 20");
    assert!(head(text).any(dated), "the head has no date");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_rows_skip_comments_header_and_broken_lines() {
        let text = "# about\na\tb\nx\ty\nx\n\nx\ty\tz\n# more\n-\tq\n";
        let found: Vec<[&str; 2]> = rows(text).collect();
        assert_eq!(found, [["x", "y"], ["-", "q"]]);
        assert_eq!(head(text).collect::<Vec<_>>(), ["about"]);
    }

    #[test]
    fn test_optional_and_list() {
        assert_eq!(optional("-"), None);
        assert_eq!(optional("a"), Some("a"));
        assert_eq!(list("-").count(), 0);
        assert_eq!(list("a,b").collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    #[should_panic(expected = "bad field")]
    fn test_check_finds_an_empty_field() {
        check::<2>("# Collected 2026\na\tb\nx\t\n");
    }

    #[test]
    #[should_panic(expected = "not 2 fields")]
    fn test_check_finds_a_broken_line() {
        check::<2>("# Collected 2026\na\tb\nx\ty\tz\n");
    }
}
