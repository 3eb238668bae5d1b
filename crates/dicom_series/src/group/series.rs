//! One series from its instances to its groups: the steps in order.

use std::collections::{BTreeMap, HashMap};

use super::finding::Finding;
use super::model::{DocumentList, Group, GroupKind, SplitReason, Stack};
use super::partition::{self, Candidate};
use super::sheet::{Defect, Loose, Placed};
use super::{frames, name, phases, stack};
use crate::Instance;
use crate::instance::{Content, DocumentKind, Image};

/// How many different oddities of files a group tells.
const MOST_ODDITIES: usize = 8;

/// The instances of one series, by their place in the upload.
#[derive(Debug)]
pub(super) struct Series<'a> {
    members: Vec<(usize, &'a Instance)>,
}

/// Instances by series, in order of study, series number and series. Without a Series Instance UID the study stands
/// for it.
pub(super) fn by_series(instances: &[Instance]) -> Vec<Series<'_>> {
    let mut all: Vec<Series> = Vec::new();
    let mut by_uid: HashMap<(Option<&str>, Option<&str>), usize> = HashMap::new();
    for (index, instance) in instances.iter().enumerate() {
        let series = instance.series_uid.as_deref();
        let study = instance.study_uid.as_deref().filter(|_| series.is_none());
        let home = *by_uid.entry((series, study)).or_insert(all.len());
        match all.get_mut(home) {
            Some(series) => series.members.push((index, instance)),
            None => all.push(Series {
                members: vec![(index, instance)],
            }),
        }
    }
    all.sort_by_cached_key(|series| {
        let first = series.members.first().map(|(_, instance)| *instance);
        first.map(|instance| {
            let study = instance.study_uid.clone();
            (study, instance.series_number, instance.series_uid.clone())
        })
    });
    all
}

/// The groups of one series.
pub(super) fn groups_of(series: &Series) -> Vec<Group> {
    let Some((_, first)) = series.members.first() else {
        return Vec::new();
    };
    let (members, mut of_all) = without_copies(&series.members);
    if first.series_uid.is_none() {
        of_all.push(Finding::MissingSeriesUid);
    }
    let (mut placed, documents) = sort_out(&members);
    let total = count(placed.sheets.len() + placed.loose.len());
    reject_if_mostly_defective(&mut placed);
    let set_apart = frames::defects(&placed.loose, total);

    let (volumes, loose) = volumes(placed, total);
    let mut groups = Vec::new();
    let base = name::of_series(first);
    let group = |kind: GroupKind, name: String| Group {
        series_uid: first.series_uid.clone(),
        study_uid: first.study_uid.clone(),
        modality: first.modality.clone(),
        series_number: first.series_number,
        name,
        kind,
    };
    let alone = volumes.is_empty();
    for (mut volume, is_localizer) in volumes {
        volume.findings.extend(set_apart.iter().cloned());
        let called = name::phases(&volume.phases);
        let kind = GroupKind::Volume(Box::new(volume));
        let suffix = name::kind(&kind, is_localizer);
        groups.push(group(kind, format!("{base}{suffix}{called}")));
    }
    for (list, is_localizer) in frames::lists(loose, total) {
        let kind = GroupKind::Frames(Box::new(list));
        let suffix = if alone && !is_localizer {
            ""
        } else {
            name::kind(&kind, is_localizer)
        };
        groups.push(group(kind, format!("{base}{suffix}")));
    }
    for list in documents {
        groups.push(group(GroupKind::Document(list), base.clone()));
    }
    let by_index: HashMap<usize, &Instance> = members.iter().copied().collect();
    for group in &mut groups {
        tell(group, &of_all, &by_index);
    }
    name::make_unique(&mut groups);
    groups
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

type Member<'a> = (usize, &'a Instance);

/// Leaves out instances that came before: same SOP Instance UID and same places. The least lossy copy stays, then
/// the first.
fn without_copies<'a>(members: &[Member<'a>]) -> (Vec<Member<'a>>, Vec<Finding>) {
    let mut kept: Vec<Member> = Vec::with_capacity(members.len());
    let mut by_uid: HashMap<&str, usize> = HashMap::new();
    let (mut copies, mut reused) = (0u32, 0u32);
    for &(index, instance) in members {
        let uid = instance.sop_instance_uid.as_str();
        let known = by_uid.get(uid).copied().filter(|_| !uid.is_empty());
        match known.and_then(|home| kept.get_mut(home)) {
            Some(earlier) if is_copy(earlier.1, instance) => {
                copies = copies.saturating_add(1);
                if is_lossy(earlier.1) && !is_lossy(instance) {
                    *earlier = (index, instance);
                }
            }
            earlier => {
                reused = reused.saturating_add(u32::from(earlier.is_some()));
                by_uid.insert(uid, kept.len());
                kept.push((index, instance));
            }
        }
    }
    let mut findings = Vec::new();
    if copies > 0 {
        findings.push(Finding::DuplicateInstances { count: copies });
    }
    if reused > 0 {
        findings.push(Finding::ReusedUid { count: reused });
    }
    (kept, findings)
}

/// Whether two instances of one UID show the same: equal sizes and samples at equal places, however compressed.
fn is_copy(a: &Instance, b: &Instance) -> bool {
    let (Content::Image(a_image), Content::Image(b_image)) = (&a.content, &b.content) else {
        return a.content == b.content;
    };
    let size = |image: &Image| {
        let pixels = &image.pixels;
        (
            pixels.columns,
            pixels.rows,
            pixels.frames,
            pixels.samples_per_pixel,
        )
    };
    let samples = |image: &Image| (image.pixels.bits_stored, image.pixels.sign);
    let mut frames = a_image.frames.iter().zip(&b_image.frames);
    a.instance_number == b.instance_number
        && size(a_image) == size(b_image)
        && samples(a_image) == samples(b_image)
        && a_image.frames.len() == b_image.frames.len()
        && frames.all(|(a, b)| a.position_mm == b.position_mm && a.orientation == b.orientation)
}

fn is_lossy(instance: &Instance) -> bool {
    matches!(&instance.content, Content::Image(image) if image.lossy)
}

/// Frames placed or set apart, and documents by kind.
fn sort_out<'a>(members: &[Member<'a>]) -> (Placed<'a>, Vec<DocumentList>) {
    let mut placed = Placed::default();
    let mut documents: BTreeMap<String, (DocumentKind, Vec<Member>)> = BTreeMap::new();
    for &(index, instance) in members {
        match &instance.content {
            Content::Image(image) => placed.add(index, instance, image),
            Content::Document(kind) => documents
                .entry(format!("{kind:?}"))
                .or_insert_with(|| (*kind, Vec::new()))
                .1
                .push((index, instance)),
        }
    }
    placed.sheets.sort_by_key(|sheet| sheet.frame.order());
    let slices_expected = !placed.sheets.is_empty();
    for loose in &mut placed.loose {
        // Ultrasound or a photograph without position lacks nothing.
        if !slices_expected && !frames::is_of_slices(&loose.frame) {
            loose.defect = None;
        }
    }
    let lists = documents.into_values().map(|(kind, mut members)| {
        members.sort_by_key(|(index, instance)| (instance.instance_number.unwrap_or(i64::MAX), *index));
        DocumentList {
            kind,
            instances: members.into_iter().map(|(index, _)| index).collect(),
        }
    });
    (placed, lists.collect())
}

/// Where at least half of the slices say something impossible, the rest is no volume that anyone should trust. Slices
/// that only say nothing may be screenshots beside a good volume.
fn reject_if_mostly_defective(placed: &mut Placed) {
    let is_wrong = |defect| {
        matches!(
            defect,
            Defect::BadOrientation | Defect::BadPixelSpacing | Defect::BadMosaic
        )
    };
    let defective = placed
        .loose
        .iter()
        .filter(|loose| loose.defect.is_some_and(is_wrong))
        .count();
    if defective > 0 && defective >= placed.sheets.len() {
        let sheets = std::mem::take(&mut placed.sheets);
        placed
            .loose
            .extend(sheets.iter().map(|sheet| Loose::alone(sheet, &[])));
    }
}

/// The volumes of a series, each with whether it is one of localizers, and what is left as pictures.
fn volumes<'a>(placed: Placed<'a>, total: u32) -> (Vec<(Stack, bool)>, Vec<Loose<'a>>) {
    let Placed { sheets, mut loose } = placed;
    let (candidates, beyond) = partition::candidates(sheets);
    loose.extend(
        beyond
            .iter()
            .map(|sheet| Loose::alone(sheet, &[SplitReason::Orientation])),
    );
    let mut volumes = Vec::new();
    for candidate in candidates {
        let Candidate {
            sheets,
            reasons,
            phase,
            ..
        } = candidate;
        let is_localizer = sheets.first().is_some_and(|sheet| sheet.frame.is_localizer());
        for mut part in phases::divide(sheets) {
            part.phases.splice(0..0, phase);
            let (pieces, cut) = stack::cut_at_wide_gaps(part);
            let reasons: Vec<SplitReason> = reasons.iter().copied().chain(cut).collect();
            for piece in pieces {
                match stack::build(&piece) {
                    Some(mut volume) => {
                        let here = count(piece.sheets.len());
                        let mixed = reasons
                            .iter()
                            .map(|&reason| Finding::Mixed { reason, here, total });
                        volume.findings.extend(mixed);
                        volumes.push((volume, is_localizer));
                    }
                    None => loose.extend(piece.sheets.iter().map(|sheet| Loose::alone(sheet, &reasons))),
                }
            }
        }
    }
    (volumes, loose)
}

/// Adds what is true of the whole series and of its files, and puts the worst first.
fn tell(group: &mut Group, of_all: &[Finding], members: &HashMap<usize, &Instance>) {
    let (findings, mut instances): (&mut Vec<Finding>, Vec<usize>) = match &mut group.kind {
        GroupKind::Volume(stack) => {
            let instances = stack.slices.iter().map(|slice| slice.instance).collect();
            (&mut stack.findings, instances)
        }
        GroupKind::Frames(list) => {
            let instances = list.frames.iter().map(|frame| frame.at.instance).collect();
            (&mut list.findings, instances)
        }
        GroupKind::Document(_) => return,
    };
    instances.sort_unstable();
    instances.dedup();
    findings.extend(of_all.iter().cloned());
    findings.extend(oddities(&instances, members));
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity()));
}

/// Oddities of the files of a group, each sentence once.
fn oddities(instances: &[usize], members: &HashMap<usize, &Instance>) -> Vec<Finding> {
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    let here = instances.iter().filter_map(|index| members.get(index));
    for message in here.flat_map(|instance| &instance.oddities) {
        let count = counts.entry(message).or_default();
        *count = count.saturating_add(1);
    }
    counts
        .into_iter()
        .take(MOST_ODDITIES)
        .map(|(message, count)| Finding::FileOddity {
            message: message.to_owned(),
            count,
        })
        .collect()
}
