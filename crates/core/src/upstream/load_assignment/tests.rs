use super::compile;

/// A length-delimited field.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2, content.len() as u8], content].concat()
}

fn varint(number: u8, value: u8) -> Vec<u8> {
    vec![number << 3, value]
}

fn lb_endpoint(more: &[u8]) -> Vec<u8> {
    let socket = [field(2, b"10.0.0.1"), varint(3, 80)].concat();
    [field(1, &field(1, &field(1, &socket))), more.to_vec()].concat()
}

fn assignment(locality: &[u8]) -> Vec<u8> {
    [field(1, b"c"), field(2, locality)].concat()
}

#[test]
fn a_plain_assignment_is_read_whole() {
    let place = [field(1, b"r"), field(2, b"z"), field(3, b"s")].concat();
    let endpoint = lb_endpoint(&[varint(2, 5), field(4, &varint(1, 7))].concat());
    let locality =
        [field(1, &place), field(2, &endpoint), field(3, &varint(1, 9)), varint(5, 2)].concat();
    let endpoints = compile(&assignment(&locality)).unwrap();
    assert_eq!(endpoints.cluster, "c");
    let locality = &endpoints.localities[0];
    assert_eq!((&*locality.region, &*locality.zone, &*locality.sub_zone), ("r", "z", "s"));
    assert_eq!((locality.weight, locality.priority), (Some(9), 2));
    let endpoint = &locality.endpoints[0];
    assert_eq!((endpoint.weight, endpoint.health), (7, 5));
    let address = crate::address::Address::compile(endpoint.address.as_ref().unwrap()).unwrap();
    assert_eq!(address.to_string(), "10.0.0.1:80");
}

#[test]
fn an_empty_assignment_has_no_endpoints() {
    assert!(compile(&field(1, b"c")).unwrap().localities.is_empty());
}

#[test]
fn what_is_not_plain_is_left_to_the_main_thread() {
    let strange: [&[u8]; 10] = [
        &field(3, b"x"),                          // metadata
        &field(5, b"name"),                       // endpoint_name
        &varint(2, 6),                            // no health
        &field(4, &varint(1, 0)),                 // a weight of 0
        &field(4, b""),                           // likewise
        &[4 << 3 | 5, 0, 0, 0, 0],                // a fixed-size field
        &field(1, &field(2, &varint(1, 1))),      // health_check_config
        &field(1, &field(1, &field(2, b"pipe"))), // a unix socket
        &field(1, &field(1, &field(1, &field(2, b"host")))),
        &[0x22, 0x7f], // truncated
    ];
    for more in strange {
        assert!(compile(&assignment(&field(2, &lb_endpoint(more)))).is_err(), "{more:?}");
    }
    assert!(compile(&assignment(&varint(5, 127)[..1])).is_err());
    assert!(compile(&[assignment(b""), field(4, b"")].concat()).is_err());
    assert!(compile(&field(2, b"")).is_err(), "no cluster_name");
}
