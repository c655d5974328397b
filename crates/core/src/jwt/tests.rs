//! Tokens and keys that RFC 7515 (appendix A) and RFC 8037 (appendix A) print, tokens of their other algorithms, and
//! what is none.

use super::{KeySet, Refusal, Token};

const HS256: &str =
    "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0\
    dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const RS256: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLm\
    NvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt\
    _O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0G\
    arZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5A\
    XLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
const ES256: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLm\
    NvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
/// The payload is no JSON.
const ES512_OF_THE_RFC: &str = "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1b\
    KPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukO\
    XolLzeO_Jn";
const UNSECURED: &str =
    "eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxl\
    LmNvbS9pc19yb290Ijp0cnVlfQ.";

/// Made with the same keys: `{"iss": "joe"}`.
const OTHERS: [&str; 10] = [
    "eyJhbGciOiAiUlMzODQifQ.eyJpc3MiOiAiam9lIn0.lRlH-HAVcKVVK6h_cu60c8p7--OqZABaCO1kuu1KLLDzF\
        pWh8ukw5jDVlGTHRiWJXrk24P6r9W1pQZZB9Hy4lpuFoM2bGsbLJzT3gwm4RL40cYLxeAnGz8mu2Eg5niNM_Xp5H\
        wctKunHfzYOC-3GedVAm6mH_05S6uSgBz380DvAHAuxC0m3lQpSRUHv3L-K1g1txIyY_WwrI32F4K7qHKnDEICHR\
        Eyc-lq4pM86tIM5PK3WRhjt7gTVlnmlP9JqlPYF3sT5tYaJ0nlPIKliWQtzTIO18Qkdl-EndJ3fv9WI6mIkcl1Fb\
        OwWGiWBVHczn4x5Nyb7gnvyWU4V1S7iuQ",
    "eyJhbGciOiAiUlM1MTIifQ.eyJpc3MiOiAiam9lIn0.P3LkLjmwJ_HQ9K5EWc8XHuH6k8Ckgs-VvF1az2jJgApu0\
        2OKa4mzo3DLbhd9_h8-5xKNaVMVpGs2YpetZc9KDc0OKKAfqqk_CTPtw6DmU7e_r5CK3l2TRWPzEUnCgLqQ6aaD0\
        zGEW1n3437YNfCUZ0t_F0oZJ_TPdBOmxQDFrWLSl7EpnSMnyGUNnX2DX4YvQGla2qA7VCMutwXwYiRFw27ym5evJ\
        6NCBaqh83j8HxJ83bVQB6XOP_a6GLBXji0NVKjNetUizbLQko3uT01T-e4PEpjsa0JJbbh1U7TH_o9ObsveFNjfn\
        aRBCTmlD7X1QlAWHVYiGBxdWVe5aYTXgA",
    "eyJhbGciOiAiUFMyNTYifQ.eyJpc3MiOiAiam9lIn0.FT8ubOx8GuCdPnKQFKBIg-z24difK1FJZ6HsHmfbL-1Sk\
        XygjmpGTBX3B-tuILxawu2DX5Cqf7jXDXMkqtQoAKdvjhc-wNbrwtdXZHcOg2wE1tfVHeSjjA32JNiE_VbM9p8Bh\
        ZTu_WhadZfXZTDujFB7eeLs_ZRKcf-8yuF8jMv0mvzgTOnCYRQ8SSNBCe8ynaNLhhWkwSDKOQ5RnicsLe3B8EEPo\
        kEGoqzQKP2cLJTqEPOE0LLDxpn4v9yS2YwNRn2Mq9hBKTp_6XgyRtbSpM2KuF4OBmfzTejmdtWXIJ3gKJUs7wfbQ\
        b3kcwQhXlD4oe4gae4UAwTIBAyt84YjVw",
    "eyJhbGciOiAiUFMzODQifQ.eyJpc3MiOiAiam9lIn0.M8ngFwjx-9bFsx3LCF6uz8Hy04KDNoo1uEsr2MGcprx01\
        i5qxql8uhgnTBhrGW6HpoPMpMxXOvm5fBAdYYEIixwraUlTV1JWkNJ-AYmTtKhImXVrPkH2VO1BUNwFixLPfcUJs\
        Q95APhNLhsjZiGW8WmSyY2EgW-LNxPkQnSnnVbTvLyYSkyM4DYQsk_eVhgk7q6dxfHVGKnnJnakN8FmsD-YCMg-c\
        gyDemxDhy2h3TCWjpxwXzZfATbvNR_0soI_D8krULjzGg7BL2GWVY_Z-p4jDvFHRaRnwLwjd_kv5RVD968VEpP02\
        R8LNs7q81M0LBEPWQLmGrXUAi8XDJQAZA",
    "eyJhbGciOiAiUFM1MTIifQ.eyJpc3MiOiAiam9lIn0.WS7cVh2eufywAx8JsSJwZfcFxxvc5If1BgiJAoGrVxzJt\
        V5p_eXAr_LvF1rIE7R2P_4QxX5__GchRjXaiGpE4boNu4uEdKOaVEG3gUSF1W_pjTXkcOvEeTf0q_P9qa3R-i20S\
        gTLzf2iIqFpzrljoKu4AISrboxamfn6YPA_K5nXmFzFpO-j_kQ7xTO7hGbVqCPAsiOJVdAugpIHD6WLRjNPnLcnm\
        dT42ggzRGYSfX_wd_N4LgZzvP2MNjNwX8nAqlwWiAyDsKUh_JkgXpIKwVeQyORKa0rxWsB_FOVjfDw1uXQtHYnJZ\
        wPRhANlApfhD1do11LrHclVJHENGaykXA",
    "eyJhbGciOiAiSFMzODQifQ.eyJpc3MiOiAiam9lIn0.NjU3QHJkoVmI4zAa94bFD9gFMGXaksPxzdaMvtuGu8I64\
        27MjuDPuuvU1n2GkqQ6",
    "eyJhbGciOiAiSFM1MTIifQ.eyJpc3MiOiAiam9lIn0.JL4P02GgKst_F728gemtX4V6BVAmApZq-F1ftIF7SgBM3\
        EFpmOo23NO6L9XC9DVt4ZZat8khkjz7-S2GkV2mwQ",
    "eyJhbGciOiAiRVMzODQifQ.eyJpc3MiOiAiam9lIn0.6D4dYDdEQDEY6QVZFzZ2a1ePAT9qR2vOps_negn0yMqQT\
        HbR31rIZJ7YUE70Y5cvcqoS3Yj7qQnWlAsOdX6_Gk3PmD_62C6aTOyp5LI368vzlqy8e40KaXcpN0Ja0AxK",
    "eyJhbGciOiAiRVM1MTIifQ.eyJpc3MiOiAiam9lIn0.ABr5inlzsc1bq1haPhHGaq9Yox456Xb_v0_U45Cqgs4jq\
        J42YyzAwyT9cL-N6YJjneR5weLGqZ5__R2Kx2arnq92AOIxTbGXdnzcEXC7piQxrpij7SIqF5Q-PgAk8YjHhdYUT\
        AlN7ubMTDQEGMa804NrUoWtEDPJcXvnRfuSEU4dYBsP",
    "eyJhbGciOiAiRWREU0EifQ.eyJpc3MiOiAiam9lIn0.7KOoXoOHfqMtkdLmdTLRP0Cl2UK7CAZoatr6nPNxCDPH_\
        Xh0ytdRfuN3f7A8v2j2y4zU0d7F1G-mo0zNLag5DA",
];

const OCT: &str = concat!(
    r#"{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUu"#,
    r#"TwjAzZr1Z9CAow"}"#,
);
const RSA: &str = concat!(
    r#"{"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qP"#,
    r#"CJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LO"#,
    r#"L-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5Zw"#,
    r#"Kh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"#,
    r#"","e":"AQAB"}"#,
);
const P256: &str = concat!(
    r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m"#,
    r#"36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#,
);
const P384: &str = concat!(
    r#"{"kty":"EC","crv":"P-384","x":"egEG_bTMUf3J8Atzd4B16WmVS1uHO7DzAB5p4X-vcYiWqhn0T39ipKmrNnk"#,
    r#"gv7H5","y":"xKKQeXUVP8orWTMIvhCZtJgXzmgk9zeMbn-HA0agAx7Jo-6HSIW5ig5QbGLjB8Iw"}"#,
);
const P521: &str = concat!(
    r#"{"kty":"EC","crv":"P-521","x":"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjF"#,
    r#"Z6OvLFV1jSfS9tsz4qUxcWceqwQGk","y":"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhj"#,
    r#"Dly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2"}"#,
);
const OKP: &str =
    r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

fn keys(keys: &[&str]) -> KeySet {
    KeySet::read(format!(r#"{{"keys": [{}]}}"#, keys.join(",")).as_bytes()).unwrap()
}

fn token(text: &str) -> Token {
    Token::read(text.as_bytes()).unwrap_or_else(|refusal| panic!("{}", refusal.text()))
}

fn refusal(text: &str) -> Option<Refusal> {
    Token::read(text.as_bytes()).err()
}

/// A token with this header, and payload, and a signature of nothing.
fn unsigned(header: &str, payload: &str) -> String {
    let encode = |text: &str| data_encoding::BASE64URL_NOPAD.encode(text.as_bytes());
    format!("{}.{}.AAAA", encode(header), encode(payload))
}

fn with(key: &str, member: &str) -> String {
    key.replacen('{', &format!("{{{member},"), 1)
}

#[test]
fn a_token_is_verified_by_its_key_alone() {
    let all = [OCT, RSA, P256, P384, P521, OKP];
    let set = keys(&all);
    for text in [HS256, RS256, ES256].iter().chain(&OTHERS) {
        assert_eq!(set.verify(&token(text)), Ok(()), "{text}");
        let verifying = all.iter().filter(|key| keys(&[key]).verify(&token(text)).is_ok());
        assert_eq!(verifying.count(), 1, "{text}");
    }
}

#[test]
fn what_a_token_says() {
    let token = token(RS256);
    assert_eq!(
        (token.issuer(), token.subject(), token.expires()),
        ("joe", "", Some(1_300_819_380))
    );
    assert!(token.encoded_payload().starts_with("eyJpc3MiOiJqb2Ui"));
    assert_eq!(token.check_time(1_300_819_440, 60), Ok(()));
    assert_eq!(token.check_time(1_300_819_441, 60), Err(Refusal::Expired));
    assert_eq!(token.check_time(u64::MAX, u64::MAX), Ok(()));
}

#[test]
fn a_changed_token_is_not_verified() {
    let set = keys(&[RSA, OCT, P256]);
    for text in [HS256, RS256, ES256] {
        let (signed, signature) = text.rsplit_once('.').unwrap();
        for changed in [
            format!("{signed}.{}", &signature[..signature.len() - 4]),
            format!("{signed}.{signature}AAAA"),
            format!("{signed}.AAAA{}", &signature[4..]),
            text.replacen("eyJpc3MiOiJqb2Ui", "eyJpc3MiOiJqb2Vi", 1),
        ] {
            let verdict = Token::read(changed.as_bytes()).map(|token| set.verify(&token));
            assert!(!matches!(verdict, Ok(Ok(()))), "{changed}");
        }
    }
}

#[test]
fn a_public_key_is_no_secret_of_a_token() {
    // The well-known confusion: HS256 with the bytes of an RSA key as the secret.
    let n = RSA.split('"').nth(7).unwrap();
    let secret = data_encoding::BASE64URL_NOPAD.decode(n.as_bytes()).unwrap();
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &secret);
    let (signed, _) = HS256.rsplit_once('.').unwrap();
    let tag = aws_lc_rs::hmac::sign(&key, signed.as_bytes());
    let forged = format!("{signed}.{}", data_encoding::BASE64URL_NOPAD.encode(tag.as_ref()));
    assert_eq!(keys(&[RSA]).verify(&token(&forged)), Err(Refusal::NotVerified));
    // A secret verifies no token that says that it is signed otherwise.
    let said =
        HS256.replacen("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9", "eyJhbGciOiJSUzI1NiJ9", 1);
    assert_eq!(keys(&[OCT]).verify(&token(&said)), Err(Refusal::NotVerified));
}

#[test]
fn kid_and_alg_choose_the_key() {
    let named = |kid: &str| token(&unsigned(&format!(r#"{{"alg":"RS256","kid":"{kid}"}}"#), "{}"));
    let (a, b) = (with(RSA, r#""kid":"a""#), with(OCT, r#""kid":"b""#));
    let set = keys(&[&a, &b]);
    assert_eq!(set.verify(&named("a")), Err(Refusal::NotVerified));
    assert_eq!(set.verify(&named("c")), Err(Refusal::NoMatchingKey));
    assert_eq!(set.verify(&token(RS256)), Ok(()));
    for (alg, verdict) in [("RS256", Ok(())), ("RS384", Err(Refusal::NoMatchingKey))] {
        let key = with(RSA, &format!(r#""alg":"{alg}""#));
        assert_eq!(keys(&[&key]).verify(&token(RS256)), verdict);
    }
    let short = OTHERS[9].rsplit_once('.').unwrap().0.to_owned() + ".AAAA";
    assert_eq!(keys(&[OKP]).verify(&token(&short)), Err(Refusal::Ed25519WrongLength));
}

#[test]
fn what_is_no_token() {
    let header = r#"{"alg":"RS256"}"#;
    for (text, expected) in [
        ("", Refusal::BadFormat),
        ("a.b", Refusal::BadFormat),
        ("a..b", Refusal::BadFormat),
        ("a.b.c.d", Refusal::BadFormat),
        (UNSECURED, Refusal::BadFormat),
        (&format!(".{RS256}"), Refusal::BadFormat),
        (&format!("{UNSECURED}AAAA"), Refusal::AlgUnknown),
        (ES512_OF_THE_RFC, Refusal::PayloadNotJson),
        ("!.e30.AAAA", Refusal::HeaderNotBase64),
        ("A.e30.AAAA", Refusal::HeaderNotBase64),
        ("e 30.e30.AAAA", Refusal::HeaderNotBase64),
        ("e3+0.e30.AAAA", Refusal::HeaderNotBase64),
        ("e30=.e30.AAAA", Refusal::AlgMissing),
        ("e30==.e30.AAAA", Refusal::HeaderNotBase64),
        (&unsigned("[]", "{}"), Refusal::HeaderNotJson),
        (&unsigned(r#"{"alg":"RS256","alg":"RS256"}"#, "{}"), Refusal::HeaderNotJson),
        (&unsigned(r#"{"alg":1}"#, "{}"), Refusal::AlgMissing),
        (&unsigned(r#"{"alg":"none"}"#, "{}"), Refusal::AlgUnknown),
        (&unsigned(r#"{"alg":"rs256"}"#, "{}"), Refusal::AlgUnknown),
        (&unsigned(r#"{"alg":"RS256","kid":1}"#, "{}"), Refusal::KidNotString),
        ("eyJhbGciOiJSUzI1NiJ9.!.AAAA", Refusal::PayloadNotBase64),
        (&unsigned(header, "null"), Refusal::PayloadNotJson),
        (&unsigned(header, r#"{"iss":1}"#), Refusal::IssNotString),
        (&unsigned(header, r#"{"sub":null}"#), Refusal::SubNotString),
        (&unsigned(header, r#"{"iat":"1"}"#), Refusal::IatNotInteger),
        (&unsigned(header, r#"{"nbf":-1}"#), Refusal::NbfOutOfRange),
        (&unsigned(header, r#"{"exp":18446744073709551616}"#), Refusal::ExpOutOfRange),
        (&unsigned(header, r#"{"jti":[]}"#), Refusal::JtiNotString),
        (&unsigned(header, r#"{"aud":["a",1]}"#), Refusal::AudNotStrings),
        ("eyJhbGciOiJSUzI1NiJ9.e30.!", Refusal::SignatureNotBase64),
    ] {
        assert_eq!(refusal(text), Some(expected), "{text}");
    }
    for payload in [r#"{"exp":1.5}"#, r#"{"exp":1e19}"#, r#"{"aud":[]}"#, r#"{"aud":"a"}"#] {
        assert_eq!(refusal(&unsigned(header, payload)), None, "{payload}");
    }
}

#[test]
fn what_is_no_set_of_keys() {
    let even = RSA.replacen("yuXpoQ", "yuXpoA", 1);
    let of = |key: &str| format!(r#"{{"keys":[{key}]}}"#);
    for (text, expected) in [
        (String::new(), "invalid JSON"),
        ("{}".into(), "does not have [keys]"),
        (r#"{"keys":1}"#.into(), "not an array"),
        (r#"{"keys":[]}"#.into(), "any valid public key"),
        (
            r#"{"a":"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}"#.into(),
            "\"a\"",
        ),
        (of("1"), "keys[0]: not an object"),
        (of("{}"), "[kty]"),
        (of(r#"{"kty":"x"}"#), "[kty]"),
        (of(r#"{"kty":"RSA"}"#), "[n]"),
        (of(r#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#), "modulus"),
        (of(&even), "modulus"),
        (of(&RSA.replace("AQAB", "Ag")), "exponent"),
        (of(&with(RSA, r#""alg":"HS256""#)), "[alg]"),
        (of(&with(RSA, r#""alg":1"#)), "[alg]"),
        (of(&with(P256, r#""alg":"ES384""#)), "[crv]"),
        (of(&P256.replace("P-256", "secp256k1")), "[crv]"),
        (of(&P256.replace("P-256", "P-384")), "no point"),
        (of(&P384.replace("P-384", "P-256")), "too long"),
        (of(r#"{"kty":"oct","k":""}"#), "[k]"),
        (of(&with(OCT, r#""alg":"RS256""#)), "[alg]"),
        (of(r#"{"kty":"OKP","crv":"Ed25519","x":"AAAA"}"#), "[x]"),
        (of(r#"{"kty":"OKP","crv":"X25519","x":"AAAA"}"#), "[crv]"),
    ] {
        let fault = KeySet::read(text.as_bytes()).err().unwrap_or_default();
        assert!(fault.contains(expected), "{text}: {fault}");
    }
    assert_eq!(keys(&["{}", RSA]).verify(&token(RS256)), Ok(()));
}
