//! Positions that repeat: several volumes at one place, or duplicates.
//!
//! A candidate whose positions are all different is left as it is. Otherwise attributes are tried in a fixed order:
//! one that divides the frames into classes with fewer repeats, each class lying where others do, tells the
//! volumes apart (echoes, b-values, time points). Where values differ from slice to slice, as times do, their rank at
//! each position counts instead. What nothing explains is a duplicate: the lowest instance number stays.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use geometry::DVec2;

use super::model::{Phase, PhaseBy};
use super::partition::IMAGE_TYPE_VALUES;
use super::sheet::{Frame, Sheet};
use super::spacing;

/// How many dimension indexes and fields of view are looked at.
const MOST_DIMENSIONS: usize = 8;
const MOST_FIELDS: usize = 16;

/// The slices of one volume.
#[derive(Debug)]
pub(super) struct Part<'a> {
    /// One a place, ascending along the normal.
    pub(super) sheets: Vec<Sheet<'a>>,
    /// What tells it from other volumes at the same place, outermost first.
    pub(super) phases: Vec<Phase>,
    /// Unexplained duplicates: the index in `sheets` of what was kept, and what was not.
    pub(super) left_out: Vec<(usize, Sheet<'a>)>,
}

/// A frame and the number of its place along the normal.
#[derive(Clone, Copy, Debug)]
struct Entry<'a> {
    sheet: Sheet<'a>,
    place: u32,
}

/// Volumes out of frames that agree in everything but their position.
pub(super) fn divide(sheets: Vec<Sheet<'_>>) -> Vec<Part<'_>> {
    let entries = at_places(sheets);
    let mut parts = Vec::new();
    divide_into(entries, Vec::new(), &mut parts);
    parts
}

/// The frames in order along the normal, numbered by place.
fn at_places(sheets: Vec<Sheet<'_>>) -> Vec<Entry<'_>> {
    let Some(first) = sheets.first() else {
        return Vec::new();
    };
    let (origin, normal) = (first.plane.origin_mm, first.normal());
    let mut along: Vec<(f64, Sheet)> = sheets
        .into_iter()
        .map(|sheet| ((sheet.plane.origin_mm - origin).dot(normal), sheet))
        .collect();
    along.sort_by(|a, b| a.0.total_cmp(&b.0));
    let positions: Vec<f64> = along.iter().map(|(mm, _)| *mm).collect();
    let tolerance = spacing::same_place_mm(&positions);
    let mut place = 0;
    let mut start = positions.first().copied().unwrap_or(0.0);
    along
        .into_iter()
        .map(|(mm, sheet)| {
            if mm - start > tolerance {
                start = mm;
                place += 1;
            }
            Entry { sheet, place }
        })
        .collect()
}

fn divide_into<'a>(entries: Vec<Entry<'a>>, phases: Vec<Phase>, parts: &mut Vec<Part<'a>>) {
    let repeats = most_repeats(&entries);
    let places: HashSet<u32> = entries.iter().map(|entry| entry.place).collect();
    // Pictures of one single place are no volumes, whatever tells them apart.
    let explained = (repeats > 1 && places.len() > 1)
        .then(|| explain(&entries, repeats))
        .flatten();
    let Some((by, classes)) = explained else {
        parts.push(without_duplicates(entries, phases, places.len()));
        return;
    };
    let count = u32::try_from(classes.len()).unwrap_or(u32::MAX);
    for (index, class) in (1u32..).zip(classes) {
        let mut phases = phases.clone();
        phases.push(Phase { index, count, by });
        divide_into(class, phases, parts);
    }
}

/// How many frames there are at most at one place. Entries are in order of place.
fn most_repeats(entries: &[Entry]) -> usize {
    entries
        .chunk_by(|a, b| a.place == b.place)
        .map(<[_]>::len)
        .max()
        .unwrap_or(0)
}

type Classes<'a> = Vec<Vec<Entry<'a>>>;

/// The first attribute that tells repeated positions apart.
fn explain<'a>(entries: &[Entry<'a>], repeats: usize) -> Option<(PhaseBy, Classes<'a>)> {
    fields_of_view(entries)
        .filter(|classes| is_division(classes, repeats))
        .map(|classes| (PhaseBy::FieldOfView, classes))
        .or_else(|| {
            Attribute::valued().find_map(|attribute| {
                let classes = by_value(entries, attribute);
                is_division(&classes, repeats).then_some((attribute.tells(), classes))
            })
        })
        .or_else(|| {
            Attribute::RANKED
                .into_iter()
                .find_map(|attribute| Some((attribute.tells(), by_rank(entries, attribute, repeats)?)))
        })
        .or_else(|| {
            let classes = by_runs(entries);
            is_division(&classes, repeats).then_some((PhaseBy::InstanceOrder, classes))
        })
}

/// What may tell volumes at one place apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attribute {
    ImageType,
    EchoNumber,
    EchoTime,
    InversionTime,
    BValue,
    Gradient,
    TemporalPosition,
    Acquisition,
    TriggerTime,
    Dimension(usize),
    Instance,
    Acquired,
    ContentTime,
    InstanceNumber,
}

/// The value of an attribute; the order is that of the volumes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Value<'a> {
    Absent,
    Number(i64),
    Direction([i64; 3]),
    Text(&'a str),
    Terms(&'a [String]),
}

impl Attribute {
    /// Those whose equal values may make a volume, in the order in which they are tried.
    fn valued() -> impl Iterator<Item = Self> {
        let kinds = [
            Self::ImageType,
            Self::EchoNumber,
            Self::EchoTime,
            Self::InversionTime,
            Self::BValue,
            Self::Gradient,
            Self::TemporalPosition,
            Self::Acquisition,
            Self::TriggerTime,
        ];
        let times = [Self::Instance, Self::Acquired, Self::ContentTime];
        kinds
            .into_iter()
            .chain((0..MOST_DIMENSIONS).map(Self::Dimension))
            .chain(times)
    }

    /// Those whose rank at each place may make a volume.
    const RANKED: [Self; 6] = [
        Self::TemporalPosition,
        Self::TriggerTime,
        Self::Acquisition,
        Self::Acquired,
        Self::ContentTime,
        Self::InstanceNumber,
    ];

    fn of<'a>(self, frame: &Frame<'a>) -> Value<'a> {
        let said = frame.description;
        let number = |value: Option<i64>| value.map_or(Value::Absent, Value::Number);
        // Millionths: finer than any tag is meant, and comparable.
        let real = |value: Option<f64>| number(value.map(|value| (value * 1e6).round() as i64));
        let text = |value: &'a Option<String>| value.as_deref().map_or(Value::Absent, Value::Text);
        match self {
            Self::ImageType => Value::Terms(frame.image_type().get(IMAGE_TYPE_VALUES..).unwrap_or(&[])),
            Self::EchoNumber => number(said.echo_number),
            Self::EchoTime => real(said.echo_time_ms),
            Self::InversionTime => real(said.inversion_time_ms),
            Self::BValue => real(said.b_value),
            Self::Gradient => said.gradient.map_or(Value::Absent, |direction| {
                Value::Direction(direction.map(|part| (part * 1e4).round() as i64))
            }),
            Self::TemporalPosition => number(said.temporal_position),
            Self::Acquisition => number(frame.image.acquisition_number),
            Self::TriggerTime => real(said.trigger_time_ms),
            Self::Dimension(index) => number(said.dimension_indexes.get(index).copied().map(i64::from)),
            Self::Instance => frame.image.concatenation.as_ref().map_or_else(
                || number((frame.image.frames.len() > 1).then_some(frame.at.instance as i64)),
                |whole| Value::Text(&whole.uid),
            ),
            Self::Acquired => text(&said.acquired),
            Self::ContentTime => text(&said.content_time),
            Self::InstanceNumber => number(frame.instance.instance_number),
        }
    }

    fn tells(self) -> PhaseBy {
        match self {
            Self::ImageType => PhaseBy::ImageType,
            Self::EchoNumber | Self::EchoTime => PhaseBy::Echo,
            Self::InversionTime => PhaseBy::InversionTime,
            Self::BValue => PhaseBy::BValue,
            Self::Gradient => PhaseBy::Gradient,
            Self::TemporalPosition => PhaseBy::TemporalPosition,
            Self::Acquisition => PhaseBy::Acquisition,
            Self::TriggerTime => PhaseBy::TriggerTime,
            Self::Dimension(_) => PhaseBy::Dimension,
            Self::Instance => PhaseBy::Instance,
            Self::Acquired => PhaseBy::AcquisitionTime,
            Self::ContentTime => PhaseBy::ContentTime,
            Self::InstanceNumber => PhaseBy::InstanceOrder,
        }
    }
}

fn by_value<'a>(entries: &[Entry<'a>], attribute: Attribute) -> Classes<'a> {
    let mut classes: BTreeMap<Value, Vec<Entry>> = BTreeMap::new();
    for entry in entries {
        classes
            .entry(attribute.of(&entry.sheet.frame))
            .or_default()
            .push(*entry);
    }
    classes.into_values().collect()
}

/// The frames by where their first pixel lies in the plane; `None` for more than [`MOST_FIELDS`] places, as a
/// sheared stack has.
fn fields_of_view<'a>(entries: &[Entry<'a>]) -> Option<Classes<'a>> {
    let first = entries.first()?.sheet.plane;
    let mut fields: Vec<(DVec2, Vec<Entry>)> = Vec::new();
    let [x_mm, y_mm] = first.spacing_mm;
    for entry in entries {
        let from_first = entry.sheet.plane.origin_mm - first.origin_mm;
        let offset = DVec2::new(
            from_first.dot(first.row) / x_mm,
            from_first.dot(first.column) / y_mm,
        );
        let known = fields.len();
        match fields.iter_mut().find(|(field, _)| field.distance(offset) < 0.5) {
            Some((_, class)) => class.push(*entry),
            None if known < MOST_FIELDS => fields.push((offset, vec![*entry])),
            None => return None,
        }
    }
    Some(fields.into_iter().map(|(_, class)| class).collect())
}

/// Whether classes are volumes beside each other in time or kind: fewer repeats in each, at least two places in each
/// (but for one that may have been cut short), and each mostly where others are. The last keeps a series together
/// that was acquired in parts with a slice in common.
fn is_division(classes: &Classes, repeats: usize) -> bool {
    if classes.len() < 2 || classes.iter().any(|class| most_repeats(class) >= repeats) {
        return false;
    }
    let places: Vec<BTreeSet<u32>> = classes
        .iter()
        .map(|class| class.iter().map(|entry| entry.place).collect())
        .collect();
    let singles = places.iter().filter(|places| places.len() < 2).count();
    if singles > usize::from(classes.len() > 2) {
        return false;
    }
    let mut holders: HashMap<u32, usize> = HashMap::new();
    for place in places.iter().flatten() {
        *holders.entry(*place).or_default() += 1;
    }
    places.iter().all(|places| {
        let shared = places
            .iter()
            .filter(|place| holders.get(*place).is_some_and(|&n| n > 1))
            .count();
        shared * 2 >= places.len()
    })
}

/// The first, second, ... value at every place, where every place has as many different ones.
fn by_rank<'a>(entries: &[Entry<'a>], attribute: Attribute, repeats: usize) -> Option<Classes<'a>> {
    let mut classes: Classes = vec![Vec::new(); repeats];
    for at_place in entries.chunk_by(|a, b| a.place == b.place) {
        let mut ranked: Vec<(Value, Entry)> = at_place
            .iter()
            .map(|entry| (attribute.of(&entry.sheet.frame), *entry))
            .collect();
        ranked.sort_by(|a, b| a.0.cmp(&b.0));
        let distinct = ranked
            .windows(2)
            .all(|pair| matches!(pair, [(a, _), (b, _)] if a != b && *a != Value::Absent));
        if ranked.len() != repeats || !distinct {
            return None;
        }
        for (class, (_, entry)) in classes.iter_mut().zip(ranked) {
            class.push(entry);
        }
    }
    Some(classes)
}

/// Runs of instance numbers: a volume ends where a place comes again. For series written volume by volume of
/// which some files are missing.
fn by_runs<'a>(entries: &[Entry<'a>]) -> Classes<'a> {
    let mut in_order = entries.to_vec();
    in_order.sort_by_key(|entry| entry.sheet.frame.order());
    let mut classes: Classes = vec![Vec::new()];
    let mut seen = HashSet::new();
    for entry in in_order {
        if !seen.insert(entry.place) {
            seen = HashSet::from([entry.place]);
            classes.push(Vec::new());
        }
        if let Some(class) = classes.last_mut() {
            class.push(entry);
        }
    }
    for class in &mut classes {
        class.sort_by_key(|entry| entry.place);
    }
    classes
}

/// One frame a place. Frames of one single place are all kept: they are pictures.
fn without_duplicates<'a>(entries: Vec<Entry<'a>>, phases: Vec<Phase>, places: usize) -> Part<'a> {
    let mut part = Part {
        sheets: Vec::with_capacity(places),
        phases,
        left_out: Vec::new(),
    };
    if places < 2 {
        part.sheets = entries.into_iter().map(|entry| entry.sheet).collect();
        return part;
    }
    for at_place in entries.chunk_by(|a, b| a.place == b.place) {
        let mut sheets: Vec<Sheet> = at_place.iter().map(|entry| entry.sheet).collect();
        sheets.sort_by_key(|sheet| sheet.frame.order());
        let mut sheets = sheets.into_iter();
        let slice = part.sheets.len();
        part.sheets.extend(sheets.next());
        part.left_out.extend(sheets.map(|sheet| (slice, sheet)));
    }
    part
}
