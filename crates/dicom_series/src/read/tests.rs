//! Reading of names in every character set of the test data, and of data sets whose elements are written in ways
//! that their transfer syntax does not allow.

use testkit::dicom::{
    DataSet, Encoding as Written, File, Lengths, Order, Tag as Named, Value, Vr, VrMode, syntax,
};

use super::header::Encoding;
use super::*;

/// Patient's Name of a file, whatever it holds besides.
fn name_of(bytes: &[u8]) -> (Option<String>, Vec<String>) {
    let notes = Notes::default();
    let outside = outside(bytes, &notes).unwrap();
    let tree = walk(bytes, outside.data_set, outside.syntax.encoding, notes).unwrap();
    let name = Texts::new(tree.root()).read(tags::PATIENT_NAME, TextKind::Name);
    (name, tree.notes.into_oddities().unwrap())
}

#[test]
fn names_are_those_that_pydicom_decodes() {
    let root = std::env::var_os("VITRINE_TEST_DATA").map_or_else(
        || std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        Into::into,
    );
    let folder = root.join("zoo-pydicom/charset_files");
    if !folder.is_dir() {
        println!("skipped: no test data at {}", folder.display());
        return;
    }
    for (file, name) in [
        ("chrArab.dcm", "قباني^لنزار"),
        ("chrFren.dcm", "Buc^Jérôme"),
        ("chrFrenMulti.dcm", "Buc^Jérôme"),
        ("chrGerm.dcm", "Äneas^Rüdiger"),
        ("chrGreek.dcm", "Διονυσιος"),
        ("chrH31.dcm", "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        ("chrH32.dcm", "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう"),
        ("chrHbrw.dcm", "שרון^דבורה"),
        ("chrI2.dcm", "Hong^Gildong=洪^吉洞=홍^길동"),
        ("chrJapMulti.dcm", "やまだ^たろう"),
        ("chrJapMultiExplicitIR6.dcm", "やまだ^たろう"),
        ("chrKoreanMulti.dcm", "김희중"),
        ("chrRuss.dcm", "Люкceмбypг"),
        ("chrX1.dcm", "Wang^XiaoDong=王^小東"),
        ("chrX2.dcm", "Wang^XiaoDong=王^小东"),
    ] {
        let bytes = std::fs::read(folder.join(file)).unwrap();
        assert_eq!(name_of(&bytes), (Some(name.to_owned()), Vec::new()), "{file}");
    }
}

/// Elements by hand: tag, then whatever is given.
fn element(group: u16, number: u16, rest: &[u8]) -> Vec<u8> {
    [&group.to_le_bytes()[..], &number.to_le_bytes(), rest].concat()
}

/// The numbers of slices that a data set by hand gives for Instance Number, and what was odd.
fn number_of(elements: &[Vec<u8>], encoding: Encoding) -> (Option<i64>, Vec<String>) {
    let bytes = elements.concat();
    let tree = walk(&bytes, 0, encoding, Notes::default()).unwrap();
    let number = tree.root().integer(tags::INSTANCE_NUMBER, Kind::Digits);
    (number, tree.notes.into_oddities().unwrap())
}

#[test]
fn elements_of_another_form_are_read_in_theirs() {
    let modality = element(0x0008, 0x0060, b"CS\x02\0CT");
    let after = element(0x0020, 0x0020, b"CS\x02\0AB");
    for number in [
        // Implicit in an explicit data set; representations that do not exist, in short and in long form.
        &b"\x02\0\0\x0042"[..],
        b"ZZ\x02\x0042",
        b"ZZ\0\0\x02\0\0\x0042",
        b"??\x02\x0042",
    ] {
        let set = [modality.clone(), element(0x0020, 0x0013, number), after.clone()];
        let (found, odd) = number_of(&set, Encoding::EXPLICIT);
        assert_eq!(found, Some(42), "{number:?}");
        assert_eq!(odd.len(), 1, "{number:?}: {odd:?}");
    }
    // Explicit in an implicit data set.
    let implicit = |group, number, text: &[u8]| {
        element(
            group,
            number,
            &[&(text.len() as u32).to_le_bytes(), text].concat(),
        )
    };
    let set = [
        implicit(0x0008, 0x0060, b"CT"),
        element(0x0020, 0x0013, b"IS\x02\x0042"),
        implicit(0x0020, 0x0020, b"AB"),
    ];
    assert_eq!(number_of(&set, Encoding::IMPLICIT).0, Some(42));
    // A length that looks like a representation is still a length: `IS` is 21,321.
    let long = vec![b' '; 21_321];
    let set = [
        implicit(0x0008, 0x0060, &long),
        implicit(0x0020, 0x0013, b"42"),
        implicit(0x0020, 0x0020, b"AB"),
    ];
    assert_eq!(number_of(&set, Encoding::IMPLICIT), (Some(42), Vec::new()));
}

/// A file with one frame position within functional groups; the sequence itself written as `UN`.
fn unknown_sequence(sequences: Lengths) -> Vec<u8> {
    let item = DataSet::new().decimals(Named(0x0020, 0x0032), &[1.0, 2.0, 3.5]);
    let groups = DataSet::new().items(Named(0x0020, 0x9113), vec![item]);
    let whole = DataSet::new().items(Named(0x5200, 0x9229), vec![groups]);
    // The implicit form of the sequence, without its own tag and length.
    let implicit = Written {
        vr: VrMode::Implicit,
        order: Order::Little,
        sequences,
        items: sequences,
    };
    let content = implicit.encode(&whole)[8..].to_vec();
    let mut bytes =
        Written::EXPLICIT_LITTLE.encode(&DataSet::new().text(Named(0x0008, 0x0060), Vr::CS, "MR"));
    let length = match sequences {
        Lengths::Defined => content.len() as u32,
        Lengths::Undefined => u32::MAX,
    };
    bytes.extend(element(0x5200, 0x9229, b"UN\0\0"));
    bytes.extend(length.to_le_bytes());
    bytes.extend(content);
    bytes
}

#[test]
fn sequences_of_unknown_representation_are_implicit() {
    for sequences in [Lengths::Defined, Lengths::Undefined] {
        let bytes = unknown_sequence(sequences);
        let tree = walk(&bytes, 0, Encoding::EXPLICIT, Notes::default()).unwrap();
        let position = tree
            .root()
            .item(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE)
            .and_then(|groups| groups.item(tags::PLANE_POSITION_SEQUENCE))
            .and_then(|item| item.exactly::<3>(tags::IMAGE_POSITION_PATIENT, Kind::Digits));
        assert_eq!(position, Some([1.0, 2.0, 3.5]), "{sequences:?}");
    }
}

#[test]
fn a_damaged_sequence_of_defined_length_costs_only_itself() {
    // An item that claims more than its sequence has.
    let broken = element(
        0x0008,
        0x1140,
        &[
            &b"SQ\0\0"[..],
            &12_u32.to_le_bytes(),
            &element(0xFFFE, 0xE000, &400_u32.to_le_bytes()),
            &[1, 2, 3, 4],
        ]
        .concat(),
    );
    let set = [broken, element(0x0020, 0x0013, b"IS\x02\x0042")];
    let (number, odd) = number_of(&set, Encoding::EXPLICIT);
    assert_eq!(number, Some(42));
    assert!(
        odd[0].starts_with("a damaged sequence is read in part"),
        "{odd:?}"
    );
}

#[test]
fn missing_delimiters_are_supplied() {
    let open = |rest: &[u8]| {
        let item = element(0xFFFE, 0xE000, &u32::MAX.to_le_bytes());
        let inner = element(0x0008, 0x1150, b"UI\x02\x001\0");
        let begin = element(
            0x0008,
            0x1140,
            &[&b"SQ\0\0"[..], &u32::MAX.to_le_bytes()].concat(),
        );
        [&begin[..], &item, &inner, rest].concat()
    };
    let number = element(0x0020, 0x0013, b"IS\x02\x0042");
    let item_end = element(0xFFFE, 0xE00D, &[0; 4]);
    let sequence_end = element(0xFFFE, 0xE0DD, &[0; 4]);
    for rest in [
        [&item_end[..], &sequence_end].concat(),
        sequence_end.clone(),
        item_end.clone(),
    ] {
        let whole = rest.len() == 16;
        let (found, odd) = number_of(&[open(&rest), number.clone()], Encoding::EXPLICIT);
        assert_eq!((found, odd.is_empty()), (Some(42), whole), "{odd:?}");
    }
    // Delimiters that delimit nothing.
    let (found, odd) = number_of(&[item_end, sequence_end, number], Encoding::EXPLICIT);
    assert_eq!((found, odd.len()), (Some(42), 2));
}

#[test]
fn the_meta_group_ends_where_another_group_begins() {
    let set = DataSet::new()
        .text(Named(0x0008, 0x0016), Vr::UI, "1.2.840.10008.5.1.4.1.1.66")
        .with(Named(0x0008, 0x0060), Vr::CS, Value::Bytes(b"MR".to_vec()));
    let bytes = File::new(set, syntax::IMPLICIT_LITTLE).to_bytes();
    for length in [0_u32, 1, 20, 5000, u32::MAX] {
        let mut wrong = bytes.clone();
        wrong[140..144].copy_from_slice(&length.to_le_bytes());
        let instance = read(&wrong).unwrap();
        assert_eq!(instance.modality.as_deref(), Some("MR"));
        assert_eq!(
            instance.oddities,
            ["the meta group's length is wrong"],
            "{length}"
        );
    }
}
