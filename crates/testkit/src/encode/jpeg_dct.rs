//! The DCT processes of JPEG (ITU-T T.81 Annexes F and G), from coefficients on.
//!
//! The encoder takes quantized coefficients, not samples: then the same coefficients can be sent sequentially and
//! progressively, and both decoded to the same picture.

use super::bits::{BitWriter, category, magnitude_bits, segment};
use super::huffman::HuffmanCode;

/// How coefficients are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DctProcess {
    /// One scan of all components.
    Sequential,
    /// One scan a component.
    SequentialSeparate,
    /// Spectral selection and successive approximation: each coefficient's two low bits in scans of their own.
    Progressive,
}

/// One component.
#[derive(Clone, Debug)]
pub struct DctComponent {
    /// Horizontal sampling factor.
    pub h: usize,
    /// Vertical sampling factor.
    pub v: usize,
    /// Quantization steps in natural order.
    pub steps: [u16; 64],
    /// Coefficients, `[block row][block column]`, each in natural order, padded to whole minimum coded units.
    pub blocks: Vec<[i16; 64]>,
}

/// The picture to encode and how.
#[derive(Clone, Debug)]
pub struct DctPicture {
    /// Pixels along a row.
    pub columns: usize,
    /// Pixels down a column.
    pub rows: usize,
    /// Bits a sample: 8 or 12.
    pub precision: u8,
    /// Components in order.
    pub components: Vec<DctComponent>,
    /// Minimum coded units between restart markers; 0 for none.
    pub restart_interval: usize,
    /// How coefficients are sent.
    pub process: DctProcess,
}

impl DctPicture {
    /// Minimum coded units along a row and down a column.
    pub fn mcus(&self) -> (usize, usize) {
        let h = self
            .components
            .iter()
            .map(|component| component.h)
            .max()
            .unwrap_or(1);
        let v = self
            .components
            .iter()
            .map(|component| component.v)
            .max()
            .unwrap_or(1);
        (self.columns.div_ceil(8 * h), self.rows.div_ceil(8 * v))
    }

    /// Blocks of a component in a scan of its own, along a row and down a column.
    fn own_blocks(&self, index: usize) -> (usize, usize) {
        let h = self
            .components
            .iter()
            .map(|component| component.h)
            .max()
            .unwrap_or(1);
        let v = self
            .components
            .iter()
            .map(|component| component.v)
            .max()
            .unwrap_or(1);
        let component = &self.components[index];
        let across = (self.columns * component.h).div_ceil(h).div_ceil(8);
        (across, (self.rows * component.v).div_ceil(v).div_ceil(8))
    }

    /// The minimum coded units of a scan in order, each a list of (component, block).
    fn units(&self, scan: &[usize]) -> Vec<Vec<(usize, usize)>> {
        let mcus_across = self.mcus().0;
        let (across, down) = if let [one] = scan {
            self.own_blocks(*one)
        } else {
            self.mcus()
        };
        let mut units = Vec::new();
        for (row, column) in (0..down).flat_map(|row| (0..across).map(move |column| (row, column))) {
            let mut unit = Vec::new();
            for &index in scan {
                let component = &self.components[index];
                let stride = mcus_across * component.h;
                let (h, v) = if scan.len() == 1 {
                    (1, 1)
                } else {
                    (component.h, component.v)
                };
                for y in row * v..(row + 1) * v {
                    unit.extend((column * h..(column + 1) * h).map(|x| (index, y * stride + x)));
                }
            }
            units.push(unit);
        }
        units
    }
}

/// Position in a block of each coefficient in zigzag order (T.81 figure A.6), found by walking the diagonals.
fn zigzag() -> Vec<usize> {
    let mut order = Vec::with_capacity(64);
    for diagonal in 0..15usize {
        let mut cells: Vec<usize> = (0..8)
            .filter(|&row| diagonal >= row && diagonal - row < 8)
            .map(|row| row * 8 + diagonal - row)
            .collect();
        if diagonal % 2 == 0 {
            cells.reverse();
        }
        order.extend(cells);
    }
    order
}

/// Encodes one frame.
pub fn encode_jpeg_dct(picture: &DctPicture) -> Vec<u8> {
    let zigzag = zigzag();
    let mut stream = vec![0xFF, 0xD8];
    for (index, component) in picture.components.iter().enumerate() {
        let mut body = vec![0x10 | index as u8];
        body.extend(zigzag.iter().flat_map(|&at| component.steps[at].to_be_bytes()));
        segment(&mut stream, 0xDB, &body);
    }
    let code = match picture.process {
        DctProcess::Progressive => 0xC2,
        _ => 0xC1,
    };
    let [y1, y0] = (picture.rows as u16).to_be_bytes();
    let [x1, x0] = (picture.columns as u16).to_be_bytes();
    let mut frame = vec![picture.precision, y1, y0, x1, x0, picture.components.len() as u8];
    for (index, component) in picture.components.iter().enumerate() {
        frame.extend([index as u8, (component.h << 4 | component.v) as u8, index as u8]);
    }
    segment(&mut stream, code, &frame);
    if picture.restart_interval > 0 {
        segment(
            &mut stream,
            0xDD,
            &(picture.restart_interval as u16).to_be_bytes(),
        );
    }
    let all: Vec<usize> = (0..picture.components.len()).collect();
    match picture.process {
        DctProcess::Sequential => write_scan(&mut stream, picture, &all, Kind::Whole, &zigzag),
        DctProcess::SequentialSeparate => {
            for index in all {
                write_scan(&mut stream, picture, &[index], Kind::Whole, &zigzag);
            }
        }
        DctProcess::Progressive => {
            write_scan(&mut stream, picture, &all, Kind::FirstDc { low: 1 }, &zigzag);
            for &index in &all {
                for (start, end) in [(1, 5), (6, 63)] {
                    write_scan(
                        &mut stream,
                        picture,
                        &[index],
                        Kind::FirstAc { start, end, low: 2 },
                        &zigzag,
                    );
                }
            }
            write_scan(&mut stream, picture, &all, Kind::RefineDc { low: 0 }, &zigzag);
            for low in [1, 0] {
                for &index in &all {
                    write_scan(
                        &mut stream,
                        picture,
                        &[index],
                        Kind::RefineAc {
                            start: 1,
                            end: 63,
                            low,
                        },
                        &zigzag,
                    );
                }
            }
        }
    }
    stream.extend([0xFF, 0xD9]);
    stream
}

/// What a scan sends.
#[derive(Clone, Copy)]
enum Kind {
    Whole,
    FirstDc { low: u32 },
    RefineDc { low: u32 },
    FirstAc { start: usize, end: usize, low: u32 },
    RefineAc { start: usize, end: usize, low: u32 },
}

/// One thing to write: a symbol of the DC (0) or AC (1) table, or bare bits.
enum Token {
    Symbol(usize, u8),
    Bits(u32, u32),
    Restart(usize),
}

fn write_scan(stream: &mut Vec<u8>, picture: &DctPicture, scan: &[usize], kind: Kind, zigzag: &[usize]) {
    let mut tokens = Tokens {
        list: Vec::new(),
        zero_blocks: 0,
        held: Vec::new(),
    };
    let mut predicted = vec![0; picture.components.len()];
    for (number, unit) in picture.units(scan).iter().enumerate() {
        if picture.restart_interval > 0 && number > 0 && number % picture.restart_interval == 0 {
            tokens.flush();
            tokens
                .list
                .push(Token::Restart(number / picture.restart_interval - 1));
            predicted.fill(0);
        }
        for &(index, block) in unit {
            let natural = &picture.components[index].blocks[block];
            let block: Vec<i32> = zigzag.iter().map(|&at| i32::from(natural[at])).collect();
            match kind {
                Kind::Whole => {
                    tokens.dc(block[0], &mut predicted[index]);
                    tokens.band(&block, 1, 63, 0, EndOfBand::EachBlock);
                }
                Kind::FirstDc { low } => tokens.dc(block[0] >> low, &mut predicted[index]),
                Kind::RefineDc { low } => tokens.list.push(Token::Bits((block[0] >> low) as u32 & 1, 1)),
                Kind::FirstAc { start, end, low } => tokens.band(&block, start, end, low, EndOfBand::Runs),
                Kind::RefineAc { start, end, low } => tokens.refine(&block, start, end, low),
            }
        }
    }
    tokens.flush();
    let mut frequencies = [[0u64; 256]; 2];
    for token in &tokens.list {
        if let Token::Symbol(class, symbol) = token {
            frequencies[*class][usize::from(*symbol)] += 1;
        }
    }
    let codes = frequencies.map(|class| HuffmanCode::for_frequencies(&class));
    codes[0].write(stream, 0x00);
    codes[1].write(stream, 0x10);
    let mut header = vec![scan.len() as u8];
    header.extend(scan.iter().flat_map(|&index| [index as u8, 0]));
    header.extend(match kind {
        Kind::Whole => [0, 63, 0],
        Kind::FirstDc { low } => [0, 0, low as u8],
        Kind::RefineDc { low } => [0, 0, (low as u8 + 1) << 4 | low as u8],
        Kind::FirstAc { start, end, low } => [start as u8, end as u8, low as u8],
        Kind::RefineAc { start, end, low } => [start as u8, end as u8, (low as u8 + 1) << 4 | low as u8],
    });
    segment(stream, 0xDA, &header);
    let mut bits = BitWriter::default();
    for token in tokens.list {
        match token {
            Token::Symbol(class, symbol) => codes[class].put(&mut bits, symbol),
            Token::Bits(value, count) => bits.put(value, count),
            Token::Restart(number) => bits.restart(number),
        }
    }
    bits.align();
    stream.extend(bits.bytes);
}

/// How the rest of a band that is zero is told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum EndOfBand {
    /// By a symbol in each block.
    EachBlock,
    /// By a symbol for a run of blocks.
    Runs,
}

struct Tokens {
    list: Vec<Token>,
    /// Blocks whose band has ended without being told yet.
    zero_blocks: u32,
    /// Their correction bits.
    held: Vec<u32>,
}

impl Tokens {
    fn dc(&mut self, value: i32, predicted: &mut i32) {
        let difference = value - *predicted;
        *predicted = value;
        self.list.push(Token::Symbol(0, category(difference) as u8));
        self.list
            .push(Token::Bits(magnitude_bits(difference), category(difference)));
    }

    /// Tells the blocks that wait.
    fn flush(&mut self) {
        if self.zero_blocks > 0 {
            let size = self.zero_blocks.ilog2();
            self.list.push(Token::Symbol(1, (size << 4) as u8));
            self.list.push(Token::Bits(self.zero_blocks - (1 << size), size));
            self.zero_blocks = 0;
        }
        self.list
            .extend(self.held.drain(..).map(|bit| Token::Bits(bit, 1)));
    }

    fn band(&mut self, block: &[i32], start: usize, end: usize, low: u32, ending: EndOfBand) {
        let mut run = 0;
        for &coefficient in &block[start..=end] {
            // Magnitudes are shifted, so that rounding is toward zero (T.81 G.1.2.2).
            let value = (coefficient.abs() >> low) * coefficient.signum();
            if value == 0 {
                run += 1;
                continue;
            }
            self.flush();
            while run > 15 {
                self.list.push(Token::Symbol(1, 0xF0));
                run -= 16;
            }
            self.list
                .push(Token::Symbol(1, (run << 4) as u8 | category(value) as u8));
            self.list
                .push(Token::Bits(magnitude_bits(value), category(value)));
            run = 0;
        }
        if run > 0 {
            self.zero_blocks += 1;
            if ending == EndOfBand::EachBlock || self.zero_blocks == 0x7FFF {
                self.flush();
            }
        }
    }

    fn refine(&mut self, block: &[i32], start: usize, end: usize, low: u32) {
        let magnitudes: Vec<u32> = block.iter().map(|value| value.unsigned_abs() >> low).collect();
        let last_fresh = (start..=end).rev().find(|&index| magnitudes[index] == 1);
        let mut run = 0;
        let mut corrections = Vec::new();
        for index in start..=end {
            match magnitudes[index] {
                0 => run += 1,
                1 => {
                    self.flush();
                    self.list.push(Token::Symbol(1, (run << 4) as u8 | 1));
                    self.list.push(Token::Bits(u32::from(block[index] > 0), 1));
                    self.list
                        .extend(corrections.drain(..).map(|bit| Token::Bits(bit, 1)));
                    run = 0;
                }
                known => corrections.push(known & 1),
            }
            // Sixteen zeros before a fresh coefficient are told at once, with the corrections on their way.
            if run == 16 && last_fresh.is_some_and(|last| last > index) {
                self.flush();
                self.list.push(Token::Symbol(1, 0xF0));
                self.list
                    .extend(corrections.drain(..).map(|bit| Token::Bits(bit, 1)));
                run = 0;
            }
        }
        if run > 0 || !corrections.is_empty() {
            self.zero_blocks += 1;
            self.held.extend(corrections);
            if self.zero_blocks == 0x7FFF {
                self.flush();
            }
        }
    }
}
