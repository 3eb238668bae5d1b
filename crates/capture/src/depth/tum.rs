//! TUM RGB-D (Sturm et al., "A benchmark for the evaluation of RGB-D SLAM systems", IROS 2012): lists of times and
//! files, and poses on a clock of their own.

use geometry::{DAffine3, DVec3};

use super::layout::join;
use super::{
    Capture, DepthEncoding, Finding, FrameFiles, FramePlan, Layout, PRIMESENSE, find, open3d, poses,
};
use crate::{CaptureError, NamedBytes};

const FORMAT: &str = "TUM RGB-D capture";
/// Depth and color this far apart are not of the same moment, seconds.
const SAME_MOMENT_SECS: f64 = 0.02;
/// Poses farther apart than this are not interpolated between, seconds.
const POSE_GAP_SECS: f64 = 0.1;

pub(super) fn read(layout: &Layout, files: &[NamedBytes<'_>]) -> Result<Capture, CaptureError> {
    let text = |name: &str| -> Result<Option<&str>, CaptureError> {
        let bytes = layout.described(name).and_then(|name| find(files, name));
        bytes.map(|bytes| poses::text(FORMAT, bytes)).transpose()
    };
    let pairs = match text("associations.txt")? {
        Some(list) => associations(list),
        None => {
            let depth = named_times(text("depth.txt")?.unwrap_or_default());
            let color = named_times(text("rgb.txt")?.unwrap_or_default());
            pair_up(&depth, &color)
        }
    };
    let track = text("groundtruth.txt")?.map(track).unwrap_or_default();
    let mut findings = Vec::new();
    let camera = open3d::camera(layout, files)?;
    if camera.is_none() {
        findings.push(Finding::AssumedIntrinsics);
    }
    let known: std::collections::BTreeSet<&str> = layout.names().collect();
    let mut missing = 0;
    let mut frames = Vec::new();
    for (time, depth, color) in pairs {
        let depth = join(&layout.root, &depth);
        // Only what is in the upload is ever looked for.
        if !known.contains(depth.as_str()) {
            missing += 1;
            continue;
        }
        let color = color.map(|color| join(&layout.root, &color));
        frames.push(FramePlan {
            files: FrameFiles {
                depth,
                color: color.filter(|color| known.contains(color.as_str())),
                ..FrameFiles::default()
            },
            encoding: DepthEncoding::Png {
                unit_mm: camera.and_then(|(_, unit)| unit).unwrap_or(0.2),
                offset_mm: 0.0,
            },
            camera: Some(camera.map_or(PRIMESENSE, |(camera, _)| camera)),
            depth_size: None,
            world_from_camera: pose_at(&track, time),
            gravity_in_camera: None,
            timestamp_secs: Some(time),
        });
        if frames.len() >= super::MAX_FRAMES {
            break;
        }
    }
    if missing > 0 {
        findings.push(Finding::MissingFiles { count: missing });
    }
    Ok(Capture {
        frames,
        motion: Vec::new(),
        findings,
    })
}

fn lines(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            line.split([' ', '\t', ','])
                .filter(|word| !word.is_empty())
                .collect()
        })
}

fn time(word: &str) -> Option<f64> {
    word.parse().ok().filter(|t: &f64| t.is_finite())
}

fn named_times(text: &str) -> Vec<(f64, String)> {
    lines(text)
        .filter_map(|words| match words[..] {
            [at, name, ..] => Some((time(at)?, name.to_owned())),
            _ => None,
        })
        .collect()
}

/// Lines of two times and two files in either order; the one in `depth/` is the depth.
fn associations(text: &str) -> Vec<(f64, String, Option<String>)> {
    lines(text)
        .filter_map(|words| match words[..] {
            [t, a, u, b, ..] if a.contains("depth") => Some((time(t)?, a, time(u).map(|_| b))),
            [u, b, t, a, ..] if a.contains("depth") => Some((time(t)?, a, time(u).map(|_| b))),
            _ => None,
        })
        .map(|(time, depth, color)| (time, depth.to_owned(), color.map(str::to_owned)))
        .collect()
}

fn pair_up(depth: &[(f64, String)], color: &[(f64, String)]) -> Vec<(f64, String, Option<String>)> {
    let mut sorted: Vec<&(f64, String)> = color.iter().collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    depth
        .iter()
        .map(|(time, name)| {
            let next = sorted.partition_point(|(t, _)| t < time);
            let near = sorted
                .get(next.saturating_sub(1)..)
                .unwrap_or_default()
                .iter()
                .take(2);
            let best = near.min_by(|a, b| (a.0 - time).abs().total_cmp(&(b.0 - time).abs()));
            let color = best.filter(|(t, _)| (t - time).abs() <= SAME_MOMENT_SECS);
            (*time, name.clone(), color.map(|(_, name)| name.clone()))
        })
        .collect()
}

/// Times, places (mm) and quaternions, in order of time.
fn track(text: &str) -> Vec<(f64, DVec3, [f64; 4])> {
    let mut track: Vec<(f64, DVec3, [f64; 4])> = lines(text)
        .filter_map(|words| {
            let numbers: Option<Vec<f64>> = words.iter().take(8).map(|word| time(word)).collect();
            match numbers?[..] {
                [t, x, y, z, qx, qy, qz, qw] => Some((t, DVec3::new(x, y, z) * 1000.0, [qx, qy, qz, qw])),
                _ => None,
            }
        })
        .collect();
    track.sort_by(|a, b| a.0.total_cmp(&b.0));
    track
}

/// The pose between the two poses around a time; they are so close that a straight way between the quaternions does.
fn pose_at(track: &[(f64, DVec3, [f64; 4])], time: f64) -> Option<DAffine3> {
    let next = track.partition_point(|(t, _, _)| *t < time);
    let after = track.get(next).or(track.last())?;
    let before = track.get(next.saturating_sub(1))?;
    let gap = after.0 - before.0;
    if gap > POSE_GAP_SECS || (before.0 - time).abs().min((after.0 - time).abs()) > POSE_GAP_SECS {
        return None;
    }
    let share = if gap > 0.0 {
        ((time - before.0) / gap).clamp(0.0, 1.0)
    } else {
        0.0
    };
    let alike: f64 = before.2.iter().zip(after.2).map(|(a, b)| a * b).sum();
    let sign = if alike < 0.0 { -1.0 } else { 1.0 };
    let [a, b, c, d] = before.2;
    let [e, f, g, h] = after.2.map(|v| v * sign);
    let mix = |p: f64, q: f64| p + share * (q - p);
    poses::from_quaternion(
        [mix(a, e), mix(b, f), mix(c, g), mix(d, h)],
        before.1 + (after.1 - before.1) * share,
    )
}
