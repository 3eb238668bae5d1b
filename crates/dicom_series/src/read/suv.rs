//! Standardized uptake values of PET (PS3.3 C.8.9.1, C.8.9.2), after the vendor-neutral method of the QIBA
//! profile: uptake a gram, relative to the dose that was left in the patient when the scan began.

use dicom_dictionary_std::tags;

use crate::instance::SuvScale;

use super::tree::View;
use super::value::Kind;

/// The factor of rescaled values, if the file has all that it takes.
pub(crate) fn scale(root: View<'_>) -> Option<SuvScale> {
    let factor = match root.code(tags::UNITS)?.as_str() {
        "BQML" => from_dose(root)?,
        // Already grams a milliliter by body weight.
        "GML" => {
            let kind = root.code(tags::SUV_TYPE);
            if kind.is_some_and(|kind| kind != "BW") {
                return None;
            }
            1.0
        }
        "CNTS" => philips(root)?,
        _ => return None,
    };
    (factor.is_finite() && factor > 0.0).then_some(SuvScale {
        suv_bw_per_bqml: factor,
    })
}

/// Philips gives the factor, or what turns counts into Bq/ml.
fn philips(root: View<'_>) -> Option<f64> {
    const CREATOR: &str = "Philips PET Private Group";
    let number = |low| {
        root.private(0x7053, CREATOR, low)
            .and_then(|value| value.number(Kind::Digits))
            .filter(|&number| number > 0.0)
    };
    number(0x00).or_else(|| Some(number(0x09)? * from_dose(root)?))
}

/// Body weight over the dose at the time that values are corrected to.
fn from_dose(root: View<'_>) -> Option<f64> {
    let corrected = root.codes(tags::CORRECTED_IMAGE);
    if !["ATTN", "DECY"]
        .iter()
        .all(|term| corrected.iter().any(|correction| correction == term))
    {
        return None;
    }
    let weight_g = root
        .number(tags::PATIENT_WEIGHT, Kind::Digits)
        .filter(|&weight_kg| weight_kg > 0.0)?
        * 1000.0;
    let drug = root.item(tags::RADIOPHARMACEUTICAL_INFORMATION_SEQUENCE)?;
    let dose_bq = drug
        .number(tags::RADIONUCLIDE_TOTAL_DOSE, Kind::Digits)
        .filter(|&dose_bq| dose_bq > 0.0)?;
    let left_bq = match root.code(tags::DECAY_CORRECTION)?.as_str() {
        "ADMIN" => dose_bq,
        "START" => {
            let half_life_secs = drug
                .number(tags::RADIONUCLIDE_HALF_LIFE, Kind::Digits)
                .filter(|&half_life_secs| half_life_secs > 0.0)?;
            dose_bq * (-seconds_since_injection(root, drug)? / half_life_secs).exp2()
        }
        _ => return None,
    };
    Some(weight_g / left_bq)
}

/// Seconds from the injection to the start of the series, to which START corrects.
fn seconds_since_injection(root: View<'_>, drug: View<'_>) -> Option<f64> {
    let series = moment(
        &root.code(tags::SERIES_DATE).unwrap_or_default(),
        &root.code(tags::SERIES_TIME)?,
    )?;
    let acquisition = root
        .code(tags::ACQUISITION_DATE)
        .zip(root.code(tags::ACQUISITION_TIME))
        .and_then(|(date, time)| moment(&date, &time));
    // A series that is dated after its acquisition was derived later; GE then says when the scan began.
    let start = match acquisition {
        Some(acquisition) if series.secs() > acquisition.secs() => root
            .private(0x0009, "GEMS_PETD_01", 0x0D)
            .and_then(|value| value.code().and_then(|text| date_time(&text)))
            .unwrap_or(acquisition),
        _ => series,
    };
    let injection = drug
        .code(tags::RADIOPHARMACEUTICAL_START_DATE_TIME)
        .and_then(|text| date_time(&text));
    let secs = match injection {
        Some(injection) if injection.day.is_some() && start.day.is_some() => start.secs() - injection.secs(),
        _ => {
            let injection = match injection {
                Some(injection) => injection,
                None => moment("", &drug.code(tags::RADIOPHARMACEUTICAL_START_TIME)?)?,
            };
            // Only the time of day is known: an injection after the scan was on the day before.
            (start.secs_of_day - injection.secs_of_day).rem_euclid(86_400.0)
        }
    };
    // Nobody is scanned days after the injection, or before it.
    (0.0..=7.0 * 86_400.0).contains(&secs).then_some(secs)
}

/// A moment as days since an epoch, where the date is known, and seconds of the day.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Moment {
    day: Option<i64>,
    secs_of_day: f64,
}

impl Moment {
    fn secs(self) -> f64 {
        self.day.unwrap_or(0) as f64 * 86_400.0 + self.secs_of_day
    }
}

/// A `DT` value without its time zone.
fn date_time(text: &str) -> Option<Moment> {
    let text = text.split(['+', '-']).next()?;
    moment(text.get(..8)?, text.get(8..)?)
}

/// A moment from `DA` and `TM` values. The date may be empty.
fn moment(date: &str, time: &str) -> Option<Moment> {
    let digits: String = time.trim().chars().filter(|&c| c != ':').collect();
    let part = |range: std::ops::Range<usize>| digits.get(range)?.parse::<u32>().ok();
    let hours = part(0..2)?;
    let minutes = part(2..4).unwrap_or(0);
    let secs: f64 = digits
        .get(4..)
        .filter(|rest| !rest.is_empty())
        .map_or(Some(0.0), |rest| rest.parse().ok())?;
    if hours > 23 || minutes > 59 || !(0.0..61.0).contains(&secs) {
        return None;
    }
    Some(Moment {
        day: day_of(date),
        secs_of_day: f64::from(hours * 3600 + minutes * 60) + secs,
    })
}

/// Days since 1 March of the year 0 of the Gregorian calendar, by the formula for civil days that counts years
/// from March so that the leap day is their last.
fn day_of(date: &str) -> Option<i64> {
    let digits: String = date.trim().chars().filter(|&c| c != '.').collect();
    let part = |range: std::ops::Range<usize>| digits.get(range)?.parse::<i64>().ok();
    let (year, month, day) = (part(0..4)?, part(4..6)?, part(6..8)?);
    if !(1..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    Some(365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_follow_the_calendar() {
        let days = |a, b| day_of(b).unwrap() - day_of(a).unwrap();
        assert_eq!(days("20240228", "20240301"), 2);
        assert_eq!(days("20230228", "20230301"), 1);
        assert_eq!(days("19991231", "20000101"), 1);
        assert_eq!(days("20000101", "20010101"), 366);
        assert_eq!(day_of("2024.02.28"), day_of("20240228"));
        assert_eq!(day_of(""), None);
        assert_eq!(day_of("20241301"), None);
    }

    #[test]
    fn times_are_seconds_of_the_day() {
        assert_eq!(moment("", "010203.5").unwrap().secs_of_day, 3723.5);
        assert_eq!(moment("", "01").unwrap().secs_of_day, 3600.0);
        assert_eq!(moment("", "01:02:03").unwrap().secs_of_day, 3723.0);
        for time in ["", "2", "25", "0160", "garbage", "010299"] {
            assert_eq!(moment("", time), None, "{time}");
        }
    }
}
