use super::*;

fn error(text: &str, network: Network) -> String {
    script_of_address(text, network).unwrap_err().message
}

#[test]
fn addresses_of_every_kind_are_understood() {
    for (text, network, script) in [
        (
            "1111111111111111111114oLvT2",
            Network::Bitcoin,
            "76a914000000000000000000000000000000000000000088ac",
        ),
        (
            " mfWxJ45yp2SFn7UciZyNpvDKrzbhyfKrY8\n",
            Network::Regtest,
            "76a914000000000000000000000000000000000000000088ac",
        ),
        (
            "31h1vYVSYuKP6AhS86fbRdMw9XHiiQ93Mb",
            Network::Bitcoin,
            "a914000000000000000000000000000000000000000187",
        ),
        (
            "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
            Network::Bitcoin,
            "0014751e76e8199196d454941c45d1b3a323f1433bd6",
        ),
        (
            "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
            Network::Bitcoin,
            "512079be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
        ),
        ("bc1pfeessrawgf", Network::Bitcoin, "51024e73"),
    ] {
        let found = script_of_address(text, network).unwrap();
        assert_eq!(found.to_hex_string(), script, "{text}");
    }
}

#[test]
fn what_is_wrong_with_an_address_is_said_as_core_does() {
    for (text, message) in [
        (
            "",
            "Invalid checksum or length of Base58 address (P2PKH or P2SH)",
        ),
        (
            "0OIl",
            "Invalid or unsupported Segwit (Bech32) or Base58 encoding.",
        ),
        (
            "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb",
            "Invalid checksum or length of Base58 address (P2PKH or P2SH)",
        ),
        (
            "mfWxJ45yp2SFn7UciZyNpvDKrzbhyfKrY8",
            "Invalid or unsupported Base58-encoded address.",
        ),
        (
            "bcrt1pfeesnyr2tx",
            "Invalid or unsupported prefix for Segwit (Bech32) address (expected bc, got bcrt).",
        ),
        ("bc1gmk9yu", "Empty Bech32 data section"),
        (
            "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kemeawh",
            "Version 0 witness address must use Bech32 checksum",
        ),
        (
            "bc1p38j9r5y49hruaue7wxjce0updqjuyyx0kh56v8s25huc6995vvpql3jow4",
            "Invalid Base 32 character",
        ),
        (
            "bc1zw508d6qejxtdg4y5r3zarvaryvqyzf3du",
            "Version 1+ witness address must use Bech32m checksum",
        ),
        (
            "bc1rw5uspcuh",
            "Version 1+ witness address must use Bech32m checksum",
        ),
    ] {
        assert_eq!(error(text, Network::Bitcoin), message, "{text}");
    }
    assert_eq!(
        error("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", Network::Regtest),
        "Invalid or unsupported Base58-encoded address."
    );
}
