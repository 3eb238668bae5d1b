//! JPEG-LS (ISO/IEC 14495-1, ITU-T T.87) as the standard's text has it, one sample at a time.

/// How the components follow each other in the stream (T.87 C.2.3, ILV).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interleave {
    /// A scan for each component.
    None,
    /// One scan, a line of each component in turn.
    Line,
    /// One scan, a sample of each component in turn.
    Sample,
}

/// Coding parameters of an LSE segment; 0 leaves one at its default (T.87 C.2.4.1.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Preset {
    /// MAXVAL, the largest sample.
    pub maxval: u16,
    /// T1, T2, T3, in ascending order.
    pub thresholds: [u16; 3],
    /// RESET, the count at which a context forgets half.
    pub reset: u16,
}

/// What to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Bits a sample, 2..=16.
    pub precision_bits: u8,
    /// By how much a sample may be off, 0 for lossless.
    pub near: u8,
    /// Order of components.
    pub interleave: Interleave,
    /// Coding parameters to announce, if any.
    pub preset: Option<Preset>,
    /// Lines between restart markers, 0 for none.
    pub restart_lines: u16,
}

impl Settings {
    /// Lossless with defaults.
    pub fn lossless(precision_bits: u8) -> Self {
        Self {
            precision_bits,
            near: 0,
            interleave: Interleave::None,
            preset: None,
            restart_lines: 0,
        }
    }
}

/// Encodes a picture `[row][column][channel]` of `columns` times `channels` samples a row.
///
/// # Panics
/// If the samples are not whole rows or above the largest that the settings allow.
pub fn encode(samples: &[u16], columns: u16, channels: u8, settings: &Settings) -> Vec<u8> {
    let row_len = usize::from(columns) * usize::from(channels);
    assert!(
        row_len > 0 && samples.len().is_multiple_of(row_len),
        "the samples are no whole rows"
    );
    let rows = u16::try_from(samples.len() / row_len).expect("at most 65535 rows");
    let parameters = Parameters::new(settings);
    assert!(
        samples
            .iter()
            .all(|&sample| i64::from(sample) <= parameters.maxval),
        "a sample above MAXVAL"
    );

    let mut out = vec![0xFF, 0xD8];
    let mut frame = vec![settings.precision_bits];
    frame.extend([rows, columns].map(u16::to_be_bytes).concat());
    frame.push(channels);
    frame.extend((1..=channels).flat_map(|id| [id, 0x11, 0]));
    segment(&mut out, 0xF7, &frame);
    if let Some(Preset {
        maxval,
        thresholds: [t1, t2, t3],
        reset,
    }) = settings.preset
    {
        let numbers = [maxval, t1, t2, t3, reset].map(u16::to_be_bytes).concat();
        segment(&mut out, 0xF8, &[vec![1], numbers].concat());
    }
    if settings.restart_lines > 0 {
        segment(&mut out, 0xDD, &settings.restart_lines.to_be_bytes());
    }

    let ids: Vec<u8> = (0..channels).collect();
    let scans: Vec<&[u8]> = match settings.interleave {
        Interleave::None => ids.chunks(1).collect(),
        Interleave::Line | Interleave::Sample => vec![&ids],
    };
    for scan in scans {
        let mut header = vec![scan.len() as u8];
        header.extend(scan.iter().flat_map(|&channel| [channel + 1, 0]));
        let interleave = if scan.len() == 1 {
            Interleave::None
        } else {
            settings.interleave
        };
        header.extend([settings.near, interleave as u8, 0]);
        segment(&mut out, 0xDA, &header);
        let planes: Vec<Vec<u16>> = scan
            .iter()
            .map(|&channel| {
                samples
                    .iter()
                    .copied()
                    .skip(channel.into())
                    .step_by(channels.into())
                    .collect()
            })
            .collect();
        encode_scan(
            &mut out,
            &planes,
            columns.into(),
            interleave,
            &parameters,
            settings.restart_lines.into(),
        );
    }
    out.extend([0xFF, 0xD9]);
    out
}

/// A marker, the length, and the payload.
fn segment(out: &mut Vec<u8>, marker: u8, payload: &[u8]) {
    out.extend([0xFF, marker]);
    out.extend((payload.len() as u16 + 2).to_be_bytes());
    out.extend(payload);
}

/// The variables of T.87 A.2.1.
struct Parameters {
    maxval: i64,
    near: i64,
    range: i64,
    qbpp: u32,
    limit: u32,
    thresholds: [i64; 3],
    reset: i64,
}

impl Parameters {
    fn new(settings: &Settings) -> Self {
        let preset = settings.preset.unwrap_or_default();
        let or_default = |given: u16, default: i64| if given == 0 { default } else { i64::from(given) };
        let maxval = or_default(preset.maxval, (1 << settings.precision_bits) - 1);
        let near = i64::from(settings.near);
        let range = (maxval + 2 * near) / (2 * near + 1) + 1;
        let bpp = ceil_log2(maxval + 1).max(2);
        let defaults = default_thresholds(maxval, near);
        let thresholds = std::array::from_fn(|index| or_default(preset.thresholds[index], defaults[index]));
        Self {
            maxval,
            near,
            range,
            qbpp: ceil_log2(range),
            limit: 2 * (bpp + bpp.max(8)),
            thresholds,
            reset: or_default(preset.reset, 64),
        }
    }
}

fn ceil_log2(value: i64) -> u32 {
    (0..).find(|&bits| 1_i64 << bits >= value).unwrap_or(0)
}

/// T.87 figure C.3.
fn default_thresholds(maxval: i64, near: i64) -> [i64; 3] {
    const BASIC: [i64; 3] = [3, 7, 21];
    let mut thresholds = [0; 3];
    let mut least = near + 1;
    for (index, term) in [3, 5, 7].into_iter().enumerate() {
        let lowest = index as i64 + 2;
        let value = if maxval >= 128 {
            let factor = (maxval.min(4095) + 128) / 256;
            factor * (BASIC[index] - lowest) + lowest + term * near
        } else {
            let factor = 256 / (maxval + 1);
            lowest.max(BASIC[index] / factor + term * near)
        };
        thresholds[index] = if value > maxval || value < least {
            least
        } else {
            value
        };
        least = thresholds[index];
    }
    thresholds
}

/// Puts bits, most significant first, with a zero bit after each byte 0xFF (T.87 9.1).
struct BitWriter<'a> {
    out: &'a mut Vec<u8>,
    byte: u8,
    /// Bits of `byte` that are still free.
    free: u32,
}

impl BitWriter<'_> {
    fn bit(&mut self, bit: bool) {
        self.free -= 1;
        self.byte |= u8::from(bit) << self.free;
        if self.free == 0 {
            self.out.push(self.byte);
            self.free = if self.byte == 0xFF { 7 } else { 8 };
            self.byte = 0;
        }
    }

    fn bits(&mut self, value: i64, count: u32) {
        (0..count)
            .rev()
            .for_each(|index| self.bit(value >> index & 1 == 1));
    }

    /// A Golomb code of limited length (T.87 A.5.3).
    fn golomb(&mut self, value: i64, k: u32, limit: u32, qbpp: u32) {
        let high = value >> k;
        let longest = i64::from(limit - qbpp - 1);
        if high < longest {
            self.bits(1, high as u32 + 1);
            self.bits(value, k);
        } else {
            self.bits(1, longest as u32 + 1);
            self.bits(value - 1, qbpp);
        }
    }

    /// Fills the last byte; a last byte of 0xFF needs one more, or a marker would begin with it.
    fn finish(self) {
        let after_ff = self.out.last() == Some(&0xFF);
        if self.free < 8 || after_ff {
            self.out.push(self.byte);
        }
    }
}

/// Lines of one component as the decoder will have them, and its place among runs.
#[derive(Clone)]
struct Component {
    /// With one sample more on each side (T.87 A.2.1).
    above: Vec<i64>,
    current: Vec<i64>,
    run_index: usize,
}

impl Component {
    fn begin_line(&mut self) {
        std::mem::swap(&mut self.above, &mut self.current);
        let columns = self.above.len() - 2;
        self.above[columns + 1] = self.above[columns];
        self.current[0] = self.above[1];
    }
}

/// The state of the coder: regular contexts 0..365, then the two of run interruption.
struct Coder<'a> {
    parameters: &'a Parameters,
    a: Vec<i64>,
    b: Vec<i64>,
    c: Vec<i64>,
    n: Vec<i64>,
    negative: [i64; 2],
    writer: BitWriter<'a>,
}

fn encode_scan(
    out: &mut Vec<u8>,
    planes: &[Vec<u16>],
    columns: usize,
    interleave: Interleave,
    parameters: &Parameters,
    restart_lines: usize,
) {
    let rows = planes[0].len() / columns;
    let interval = if restart_lines == 0 { rows } else { restart_lines };
    for (index, first) in (0..rows).step_by(interval.max(1)).enumerate() {
        if index > 0 {
            out.extend([0xFF, 0xD0 + ((index - 1) % 8) as u8]);
        }
        let blank = vec![0; columns + 2];
        let mut components = vec![
            Component {
                above: blank.clone(),
                current: blank,
                run_index: 0
            };
            planes.len()
        ];
        let mut coder = Coder::new(parameters, out);
        for row in first..rows.min(first + interval) {
            let lines: Vec<&[u16]> = planes
                .iter()
                .map(|plane| &plane[row * columns..(row + 1) * columns])
                .collect();
            if interleave == Interleave::Sample {
                coder.line(&mut components, &lines);
            } else {
                for (component, line) in components.chunks_mut(1).zip(lines.chunks(1)) {
                    coder.line(component, line);
                }
            }
        }
        coder.writer.finish();
    }
}

/// J of T.87 A.2.1.
const J: [u32; 32] = [
    0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 11, 12, 13, 14, 15,
];

impl<'a> Coder<'a> {
    fn new(parameters: &'a Parameters, out: &'a mut Vec<u8>) -> Self {
        let first = 2.max((parameters.range + 32) / 64);
        Self {
            parameters,
            a: vec![first; 367],
            b: vec![0; 367],
            c: vec![0; 367],
            n: vec![1; 367],
            negative: [0; 2],
            writer: BitWriter {
                out,
                byte: 0,
                free: 8,
            },
        }
    }

    /// Encodes a line of one component, or of several sample by sample.
    fn line(&mut self, components: &mut [Component], lines: &[&[u16]]) {
        components.iter_mut().for_each(Component::begin_line);
        let columns = lines[0].len();
        let mut x = 1;
        while x <= columns {
            let contexts: Vec<i64> = components
                .iter()
                .map(|component| self.context(component, x))
                .collect();
            if contexts.iter().all(|&context| context == 0) {
                x = self.run(components, lines, x);
                continue;
            }
            for ((component, line), context) in components.iter_mut().zip(lines).zip(contexts) {
                component.current[x] = self.regular(component, x, i64::from(line[x - 1]), context);
            }
            x += 1;
        }
    }

    /// The region of a gradient (T.87 A.3.3).
    fn region(&self, gradient: i64) -> i64 {
        let [t1, t2, t3] = self.parameters.thresholds;
        let near = self.parameters.near;
        match gradient {
            _ if gradient <= -t3 => -4,
            _ if gradient <= -t2 => -3,
            _ if gradient <= -t1 => -2,
            _ if gradient < -near => -1,
            _ if gradient <= near => 0,
            _ if gradient < t1 => 1,
            _ if gradient < t2 => 2,
            _ if gradient < t3 => 3,
            _ => 4,
        }
    }

    fn context(&self, component: &Component, x: usize) -> i64 {
        let Component { above, current, .. } = component;
        let (a, b, c, d) = (current[x - 1], above[x], above[x - 1], above[x + 1]);
        81 * self.region(d - b) + 9 * self.region(b - c) + self.region(c - a)
    }

    /// A prediction error, quantized, and the sample that it leads to (T.87 A.4.4).
    fn quantize(&self, error: i64, predicted: i64, sign: i64) -> (i64, i64) {
        let Parameters {
            near, maxval, range, ..
        } = *self.parameters;
        let step = 2 * near + 1;
        let error = if error > 0 {
            (error + near) / step
        } else {
            -((near - error) / step)
        };
        let sample = (predicted + sign * error * step).clamp(0, maxval);
        let error = if error < 0 { error + range } else { error };
        (
            if error >= (range + 1) / 2 {
                error - range
            } else {
                error
            },
            sample,
        )
    }

    /// Encodes a sample in regular mode and returns it as the decoder will have it (T.87 A.4 to A.6).
    fn regular(&mut self, component: &Component, x: usize, sample: i64, context: i64) -> i64 {
        let (sign, q) = (if context < 0 { -1 } else { 1 }, context.unsigned_abs() as usize);
        let (a, b, c) = (
            component.current[x - 1],
            component.above[x],
            component.above[x - 1],
        );
        let edge = match c {
            _ if c >= a.max(b) => a.min(b),
            _ if c <= a.min(b) => a.max(b),
            _ => a + b - c,
        };
        let predicted = (edge + sign * self.c[q]).clamp(0, self.parameters.maxval);
        let (error, decoded) = self.quantize(sign * (sample - predicted), predicted, sign);
        let k = golomb_k(self.a[q], self.n[q]);
        let inverted = self.parameters.near == 0 && k == 0 && 2 * self.b[q] <= -self.n[q];
        let code = match (inverted, error >= 0) {
            (true, true) => 2 * error + 1,
            (true, false) => -2 * (error + 1),
            (false, true) => 2 * error,
            (false, false) => -2 * error - 1,
        };
        self.writer
            .golomb(code, k, self.parameters.limit, self.parameters.qbpp);
        self.learn(q, error);
        decoded
    }

    fn learn(&mut self, q: usize, error: i64) {
        self.b[q] += error * (2 * self.parameters.near + 1);
        self.a[q] += error.abs();
        if self.n[q] == self.parameters.reset {
            self.a[q] >>= 1;
            self.b[q] >>= 1;
            self.n[q] >>= 1;
        }
        self.n[q] += 1;
        if self.b[q] <= -self.n[q] {
            self.b[q] = (self.b[q] + self.n[q]).max(1 - self.n[q]);
            self.c[q] = (self.c[q] - 1).max(-128);
        } else if self.b[q] > 0 {
            self.b[q] = (self.b[q] - self.n[q]).min(0);
            self.c[q] = (self.c[q] + 1).min(127);
        }
    }

    /// Encodes a run from `start` and the samples that interrupt it; returns the index after them (T.87 A.7).
    fn run(&mut self, components: &mut [Component], lines: &[&[u16]], start: usize) -> usize {
        let columns = lines[0].len();
        let mut end = start;
        while end <= columns
            && components.iter().zip(lines).all(|(component, line)| {
                (i64::from(line[end - 1]) - component.current[start - 1]).abs() <= self.parameters.near
            })
        {
            end += 1;
        }
        for component in &mut *components {
            let value = component.current[start - 1];
            component.current[start..end].fill(value);
        }
        let mut left = end - start;
        let mut index = components[0].run_index;
        while left >= 1 << J[index] {
            self.writer.bit(true);
            left -= 1 << J[index];
            index = 31.min(index + 1);
        }
        if end > columns {
            if left > 0 {
                self.writer.bit(true);
            }
            components[0].run_index = index;
            return end;
        }
        self.writer.bit(false);
        self.writer.bits(left as i64, J[index]);
        let is_single = components.len() == 1;
        for (component, line) in components.iter_mut().zip(lines) {
            component.current[end] =
                self.interruption(component, end, i64::from(line[end - 1]), J[index], is_single);
        }
        components[0].run_index = index.saturating_sub(1);
        end + 1
    }

    /// Encodes the sample that interrupts a run (T.87 A.7.2). In sample interleaving only the first context
    /// serves.
    fn interruption(&mut self, component: &Component, x: usize, sample: i64, j: u32, is_single: bool) -> i64 {
        let (a, b) = (component.current[x - 1], component.above[x]);
        let kind = usize::from(is_single && (a - b).abs() <= self.parameters.near);
        let q = 365 + kind;
        let predicted = if kind == 1 { a } else { b };
        let sign = if kind == 0 && a > b { -1 } else { 1 };
        let (error, decoded) = self.quantize(sign * (sample - predicted), predicted, sign);
        let total = if kind == 1 {
            self.a[q] + (self.n[q] >> 1)
        } else {
            self.a[q]
        };
        let k = golomb_k(total, self.n[q]);
        let mostly_negative = 2 * self.negative[kind] >= self.n[q];
        let map = match error {
            1.. => k == 0 && !mostly_negative,
            0 => false,
            _ => k != 0 || mostly_negative,
        };
        let code = 2 * error.abs() - kind as i64 - i64::from(map);
        self.writer
            .golomb(code, k, self.parameters.limit - j - 1, self.parameters.qbpp);
        self.negative[kind] += i64::from(error < 0);
        self.a[q] += (code + 1 - kind as i64) >> 1;
        if self.n[q] == self.parameters.reset {
            self.a[q] >>= 1;
            self.n[q] >>= 1;
            self.negative[kind] >>= 1;
        }
        self.n[q] += 1;
        decoded
    }
}

/// T.87 A.5.1.
fn golomb_k(total: i64, count: i64) -> u32 {
    (0..).find(|&k| count << k >= total).unwrap_or(0)
}
