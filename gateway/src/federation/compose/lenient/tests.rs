//! What the library refuses or loses, one case each.

use crate::federation::compose::{Composing, Grafbase, Part};

fn part(name: &str, sdl: &str) -> Part {
    let link = "extend schema @link(url: \"https://specs.apollo.dev/federation/v2.5\", import: [\"@key\", \"@shareable\", \
                \"@external\", \"@requires\", \"@inaccessible\", \"@interfaceObject\", \"@composeDirective\"])";
    Part { name: name.to_owned(), url: format!("http://127.0.0.1/{name}"), sdl: format!("{link}\n{sdl}") }
}

/// The supergraph of subgraphs `a` and `b`, in one line.
fn composed(a: &str, b: &str) -> String {
    let supergraph = Grafbase.compose(&[part("a", a), part("b", b)]).unwrap();
    supergraph.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn holds(supergraph: &str, text: &str) {
    assert!(supergraph.contains(text), "{text}: {supergraph}");
}

#[test]
fn an_entity_may_have_no_key_in_one_of_its_subgraphs() {
    let supergraph = composed(
        "type Query { a: A } type A @key(fields: \"id\") { id: ID! name: String @shareable }",
        "type Query { b: A } type A { name: String @shareable }",
    );
    holds(
        &supergraph,
        "type A @join__type(graph: A, key: \"id\") @join__type(graph: B) { id: ID! @join__field(graph: A)",
    );
    // It is none of that subgraph's fields that makes them shared.
    let refused = Grafbase.compose(&[
        part("a", "type Query { a: A } type A @key(fields: \"id\") { id: ID! name: String }"),
        part("b", "type Query { b: A } type A { name: String }"),
    ]);
    assert!(refused.unwrap_err().join("\n").contains("A.name"));
}

#[test]
fn shareable_on_an_object_is_about_the_fields_it_has_there() {
    let supergraph = composed(
        "type Query { a: A } type A @shareable @key(fields: \"id\") { id: ID! \"What it is.\" name(of: Int = 1): String @deprecated }",
        "type Query { b: A } type A @key(fields: \"id\") @shareable { id: ID! name(of: Int = 1): String more: Int }",
    );
    holds(&supergraph, "more: Int @join__field(graph: B)");
    holds(&supergraph, "name(of: Int = 1): String");
}

#[test]
fn what_is_below_a_keys_field_is_shared() {
    let a = "type A @key(fields: \"of { one ... on Of { two } }\") { of: Of! } type Of { one: Int two: Int";
    let supergraph = composed(&format!("type Query {{ a: A }} {a} }}"), &format!("{a} }}"));
    holds(&supergraph, "type Of @join__type(graph: A) @join__type(graph: B) { one: Int two: Int }");
    let refused = Grafbase.compose(&[
        part("a", &format!("type Query {{ a: A }} {a} three: Int }}")),
        part("b", &format!("{a} three: Int }}")),
    ]);
    assert!(refused.unwrap_err().join("\n").contains("Of.three"));
}

#[test]
fn a_field_may_be_narrower_in_one_subgraph() {
    let supergraph = composed(
        "type Query { one: One! @shareable some: [Named!] @shareable } interface Named { n: Int } \
         type One implements Named @key(fields: \"n\") { n: Int words: [String!] @shareable }",
        "type Query { one: Any @shareable some: [One] @shareable } union Any = One | Two \
         interface Named { n: Int } type One @key(fields: \"n\") { n: Int words: [String]! @shareable } type Two { m: Int }",
    );
    holds(&supergraph, "one: Any @join__field(graph: A, type: \"One!\") @join__field(graph: B");
    holds(
        &supergraph,
        "words: [String] @join__field(graph: A, type: \"[String!]\") @join__field(graph: B, type: \"[String]!\")",
    );
    holds(&supergraph, "@join__unionMember(graph: B, member: \"Two\")");
    assert!(!supergraph.contains("@join__unionMember(graph: A"), "{supergraph}");
    holds(
        &supergraph,
        "some: [Named] @join__field(graph: A, type: \"[Named!]\") @join__field(graph: B, type: \"[One]\")",
    );
}

#[test]
fn an_enum_is_the_same_in_any_order_and_without_what_is_inaccessible() {
    let supergraph = composed(
        "type Query { a(of: Kind): Kind } enum Kind { \"The first.\" ONE TWO }",
        "type Query { b(of: Kind): Kind } enum Kind { TWO @deprecated } extend enum Kind { HIDDEN @inaccessible ONE }",
    );
    holds(&supergraph, "\"The first.\" ONE @join__enumValue(graph: A) @join__enumValue(graph: B)");
    holds(&supergraph, "HIDDEN @inaccessible @join__enumValue(graph: B) }");
    let refused = Grafbase.compose(&[
        part("a", "type Query { a(of: Kind): Kind } enum Kind { ONE TWO }"),
        part("b", "type Query { b(of: Kind): Kind } enum Kind { ONE }"),
    ]);
    assert!(refused.unwrap_err().join("\n").contains("Kind"));
}

#[test]
fn a_directives_argument_has_the_default_of_one_definition() {
    let of = |default: &str| {
        format!(
            "extend schema @link(url: \"https://example.org/access/v1.0\", import: [\"@access\"]) \
             @composeDirective(name: \"@access\") directive @access(scope: Int!{default} @deprecated) on FIELD"
        )
    };
    let supergraph =
        composed(&format!("{} type Query {{ a: Int }}", of("")), &format!("{} type Query {{ b: Int }}", of(" = 1")));
    holds(&supergraph, "directive @access(scope: Int! = 1");
    let refused = Grafbase.compose(&[
        part("a", &format!("{} type Query {{ a: Int }}", of(" = 2"))),
        part("b", &format!("{} type Query {{ b: Int }}", of(" = 1"))),
    ]);
    assert!(refused.unwrap_err().join("\n").contains("access"));
}

#[test]
fn a_keys_external_field_is_resolved_elsewhere_unless_its_type_is_extended() {
    let a = "type Query { a: A } type A @key(fields: \"id\") { id: ID! name: String }";
    let supergraph = composed(a, "type Query { b: A } type A @key(fields: \"id\") { id: ID! @external more: Int }");
    holds(&supergraph, "id: ID! @join__field(graph: A) @join__field(graph: B, external: true)");
    let supergraph =
        composed(a, "type Query { b: A } extend type A @key(fields: \"id\") { id: ID! @external more: Int }");
    assert!(!supergraph.contains("external: true"), "{supergraph}");
}

#[test]
fn an_interface_object_may_have_no_key_by_which_it_is_resolved() {
    let supergraph = composed(
        "type Query { a: Named } interface Named @key(fields: \"id\") { id: ID! }",
        "type Query { b: Named } type Named @key(fields: \"id\", resolvable: false) @interfaceObject { id: ID! more: Int }",
    );
    holds(&supergraph, "@join__type(graph: B, key: \"id\", resolvable: false, isInterfaceObject: true)");
    holds(&supergraph, "more: Int @join__field(graph: B)");
}

#[test]
fn what_is_resolved_by_several_is_shared_by_each() {
    let refused = |b: &str| {
        let a = "type Query { a: A } type A @key(fields: \"id\") { id: ID! name: String of: Of } type Of { one: Int }";
        Grafbase.compose(&[part("a", a), part("b", b)]).map(|_| ()).unwrap_err().join("\n")
    };
    for b in [
        "type A @key(fields: \"id\") { id: ID! name: String @shareable }",
        "type A @key(fields: \"id\") @key(fields: \"name\") { id: ID! name: String }",
        "type B @key(fields: \"a { name }\") { a: A } type A @key(fields: \"id\") { id: ID! name: String }",
    ] {
        assert!(refused(b).contains("[A.name] a, b resolve it, and it is not `@shareable` in a"), "{}", refused(b));
    }
}

#[test]
fn who_does_not_tell_a_field_does_not_say_its_type() {
    let a = "type Query { a: A } type A @key(fields: \"id\") { id: ID! of: One } type One { one: Int @shareable }";
    let b = "type A @key(fields: \"id\") { id: ID! of: Any @external more: Int @requires(fields: \"of { __typename }\") } \
             union Any = One | Two type One { one: Int @shareable } type Two { two: Int }";
    let refused = Grafbase.compose(&[part("a", a), part("b", b)]);
    assert!(refused.is_err_and(|errors| errors.join("\n").contains("A.of")));
}

#[test]
fn an_interface_that_a_subgraph_does_not_know_is_not_given_to_it() {
    let parts = [
        part("a", "type Query { some: One @shareable } type One @key(fields: \"n\") { n: Int }"),
        part(
            "b",
            "type Query { some: Named @shareable } interface Named { n: Int } \
             type One implements Named @key(fields: \"n\") { n: Int }",
        ),
    ];
    let refused = |parts: &[Part]| Grafbase.compose(parts).map(|_| ()).unwrap_err().join("\n");
    assert!(refused(&parts).contains("Query.some"));
    let [a, b] = parts;
    assert!(refused(&[b, a]).contains("Query.some"));
}

#[test]
fn selections_without_end_are_refused_with_their_type() {
    let deep = format!("{}a{}", "a{".repeat(1_000), "}".repeat(1_000));
    let sdl = format!("type Query {{ a: A }} type A @key(fields: \"{deep}\") {{ a: A }}");
    let errors = Grafbase.compose(&[part("a", &sdl)]).unwrap_err().join("\n");
    assert!(errors.contains("`A`") && errors.contains("nested"), "{errors}");
}
