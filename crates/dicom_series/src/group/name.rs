//! What a group is called in a list.

use std::collections::HashMap;

use super::model::{Group, GroupKind, Phase};
use crate::Instance;

/// Longer descriptions are cut: a list shows one line.
const LONGEST: usize = 80;

/// The series description, or modality and number. A description that holds a part of the patient's name is not
/// used: names of groups are seen by people who must not see the patient's.
pub(super) fn of_series(instance: &Instance) -> String {
    let description = instance
        .series_description
        .as_deref()
        .map(str::trim)
        .filter(|text| !text.is_empty() && !names_patient(text, instance));
    match description {
        Some(text) => text.chars().filter(|c| !c.is_control()).take(LONGEST).collect(),
        None => {
            let modality = instance.modality.as_deref().unwrap_or("Series");
            match instance.series_number {
                Some(number) => format!("{modality} {number}"),
                None => modality.to_owned(),
            }
        }
    }
}

fn names_patient(text: &str, instance: &Instance) -> bool {
    let words = |text: &str| -> Vec<String> {
        text.split(|c: char| !c.is_alphanumeric())
            .filter(|word| word.chars().count() >= 3)
            .map(str::to_lowercase)
            .collect()
    };
    let in_text = words(text);
    let name = instance.patient_name.as_deref().unwrap_or_default();
    words(name).iter().any(|part| in_text.contains(part))
}

/// What tells a volume from others at its place: `, echo 2 of 3`.
pub(super) fn phases(phases: &[Phase]) -> String {
    phases
        .iter()
        .map(|phase| format!(", {} {} of {}", phase.by.noun(), phase.index, phase.count))
        .collect()
}

/// What a group is, where a series has several.
pub(super) fn kind(kind: &GroupKind, is_localizer: bool) -> &'static str {
    match kind {
        _ if is_localizer => ", localizer",
        GroupKind::Volume(_) | GroupKind::Document(_) => "",
        GroupKind::Frames(_) => ", pictures",
    }
}

/// Numbers groups that would have the same name.
pub(super) fn make_unique(groups: &mut [Group]) {
    let mut totals: HashMap<String, u32> = HashMap::new();
    for group in groups.iter() {
        *totals.entry(group.name.clone()).or_default() += 1;
    }
    let mut seen: HashMap<String, u32> = HashMap::new();
    for group in groups {
        let total = totals.get(&group.name).copied().unwrap_or(1);
        let number = seen.entry(group.name.clone()).or_default();
        *number += 1;
        if total > 1 {
            group.name = format!("{} ({number} of {total})", group.name);
        }
    }
}
