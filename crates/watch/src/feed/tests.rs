use super::*;
use crate::Phase;

fn status(phase: Phase) -> Status {
    Status {
        phase,
        ..Status::default()
    }
}

#[tokio::test]
async fn a_slow_reader_sees_the_newest_status_only() {
    let publisher = Publisher::new(status(Phase::Starting));
    let feed = publisher.feed();
    assert!(!publisher.is_watched());
    let mut looker = feed.look();
    assert!(publisher.is_watched());
    publisher.publish(status(Phase::Headers));
    publisher.publish(status(Phase::Blocks));
    assert_eq!(looker.next().await.unwrap().status.phase, Phase::Blocks);
    drop(looker);
    assert!(!publisher.is_watched());
}

#[test]
fn json_is_made_once_and_read_back_as_it_was() {
    let publisher = Publisher::new(status(Phase::Synced));
    let shot = publisher.feed().newest();
    let (first, second) = (shot.json(), shot.json());
    assert!(Arc::ptr_eq(&first, &second));
    let back: Status = serde_json::from_str(&first).unwrap();
    assert_eq!(back, shot.status);
}
