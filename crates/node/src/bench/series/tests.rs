use super::*;

#[test]
fn the_median_of_an_even_number_lies_between_the_two_in_the_middle() {
    let spread = Spread::of([4.0, 1.0, 3.0, 2.0]);
    assert_eq!((spread.least, spread.median, spread.most), (1.0, 2.5, 4.0));
    assert_eq!(Spread::of([5.0, 1.0, 2.0]).median, 2.0);
    assert_eq!(Spread::of([]), Spread::default());
}
