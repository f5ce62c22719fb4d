// What a client of the hub asks for: read by relay-compiler and by graphql-codegen.
import { graphql } from "relay-runtime";

export const schoolCard = graphql`
  query schoolCardQuery($brin: String!) {
    school(brin: $brin) {
      id
      ...schoolCard_needs
      ...schoolCard_homes @arguments(first: 5)
    }
  }
`;

export const needs = graphql`
  fragment schoolCard_needs on School
  @refetchable(queryName: "schoolCardNeedsQuery")
  @argumentDefinitions(first: { type: "Int", defaultValue: 20 }, after: { type: "String" }) {
    name
    needs(first: $first, after: $after) @connection(key: "schoolCard_needs") {
      edges {
        node {
          id
          title
          themes
          status
          commitments(first: 5) {
            nodes {
              status
              partner {
                name
              }
            }
          }
        }
      }
    }
  }
`;

export const homes = graphql`
  fragment schoolCard_homes on School @argumentDefinitions(first: { type: "Int", defaultValue: 10 }) {
    housingOptions(first: $first) {
      totalCount
      edges {
        distanceKm
        node {
          title
          provenance {
            lastSeenAt
          }
        }
      }
    }
  }
`;

export const anyRecord = graphql`
  query schoolCardNodeQuery($id: ID!) {
    node(id: $id) {
      __typename
      id
      ... on Sourced {
        provenance {
          isStale
        }
      }
    }
  }
`;
