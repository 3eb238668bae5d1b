//! Days, times and numbers as people write them.

use wasm_bindgen::JsValue;

use crate::texts::{Language, fill, spoken, t};

/// A day as people write it: 12 Mar 2026.
pub(crate) fn day(text: &str) -> String {
    let mut parts = text.get(..10).unwrap_or_default().split('-');
    let (Some(year), Some(month), Some(day)) = (parts.next(), parts.next(), parts.next()) else {
        return text.to_owned();
    };
    let month = month
        .parse::<usize>()
        .ok()
        .and_then(|month| t("date.months").split(' ').nth(month.wrapping_sub(1)));
    match (month, day.parse::<u32>()) {
        (Some(month), Ok(day)) => fill(
            t("date.day"),
            &[("day", &day.to_string()), ("month", month), ("year", year)],
        ),
        _ => text.to_owned(),
    }
}

/// A moment of RFC 3339 as this browser's clock shows it: 12 Mar 2026, 14:05.
pub(crate) fn moment(text: &str) -> String {
    let at = js_sys::Date::new(&JsValue::from_str(text));
    if at.get_time().is_nan() {
        return text.to_owned();
    }
    let local = format!(
        "{:04}-{:02}-{:02}",
        at.get_full_year(),
        at.get_month() + 1,
        at.get_date()
    );
    format!("{}, {:02}:{:02}", day(&local), at.get_hours(), at.get_minutes())
}

/// The day `days` from now, as forms write it.
pub(crate) fn in_days(days: f64) -> String {
    let then = js_sys::Date::new(&JsValue::from_f64(js_sys::Date::now() + days * 86_400_000.0));
    String::from(then.to_iso_string())
        .get(..10)
        .unwrap_or_default()
        .to_owned()
}

/// The last day of a right that ends at a moment: the day before midnight, as forms write it.
pub(crate) fn last_day(until: &str) -> String {
    let at = js_sys::Date::new(&JsValue::from_str(until)).get_time() - 1000.0;
    match at.is_nan() {
        true => String::new(),
        false => String::from(js_sys::Date::new(&JsValue::from_f64(at)).to_iso_string())
            .get(..10)
            .unwrap_or_default()
            .to_owned(),
    }
}

/// How old somebody is today who was born on a day.
pub(crate) fn age(born: &str) -> Option<u32> {
    let number = |text: &str, part: std::ops::Range<usize>| text.get(part)?.parse::<u32>().ok();
    let today = in_days(0.0);
    let years = number(&today, 0..4)?.checked_sub(number(born, 0..4)?)?;
    let had_birthday = today.get(5..10)? >= born.get(5..10)?;
    if had_birthday {
        Some(years)
    } else {
        years.checked_sub(1)
    }
}

/// Bytes with a unit.
pub(crate) fn size(bytes: f64) -> String {
    let (value, unit) = match bytes {
        bytes if bytes >= 1e9 => (bytes / 1e9, "GB"),
        bytes if bytes >= 1e6 => (bytes / 1e6, "MB"),
        bytes => (bytes / 1e3, "kB"),
    };
    let text = if value < 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.0}")
    };
    let text = match spoken() {
        Language::German => text.replace('.', ","),
        Language::English => text,
    };
    format!("{text} {unit}")
}

/// A number of things in words.
pub(crate) fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}
