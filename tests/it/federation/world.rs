//! One small world told by three subgraphs and by one schema that has it all, over the same data.

use async_graphql::{EmptyMutation, EmptySubscription, Enum, ID, Object, Schema, SimpleObject, Union};

/// How hard a course is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub(super) enum Level {
    Basic,
    Advanced,
}

const COURSES: usize = 12;
const ROOMS: usize = 4;
const PEOPLE: usize = 5;
const REVIEWS: usize = 20;

fn number(id: &str) -> Option<usize> {
    id.get(1..)?.parse().ok()
}

/// The number that an id of this kind stands for.
fn known(id: &ID, kind: char, count: usize) -> Option<usize> {
    number(id).filter(|number| id.starts_with(kind) && *number < count)
}

fn title(course: usize) -> String {
    format!("Cursus \"{course}\" — é")
}

fn level(course: usize) -> Option<Level> {
    match course % 3 {
        0 => Some(Level::Basic),
        1 => Some(Level::Advanced),
        _ => None,
    }
}

fn room_of(course: usize) -> Option<usize> {
    (!course.is_multiple_of(5)).then_some(course % ROOMS)
}

fn related(course: usize) -> [usize; 2] {
    [(course + 1) % COURSES, (course + 3) % COURSES]
}

fn mentor(person: usize) -> Option<usize> {
    person.checked_sub(1)
}

fn size(room: usize) -> Option<i32> {
    (room != 2).then(|| i32::try_from(room * 10).expect("small"))
}

fn course_of(review: usize) -> usize {
    (review * 7) % COURSES
}

fn author(review: usize) -> Option<usize> {
    (!review.is_multiple_of(4)).then_some(review % PEOPLE)
}

fn stars(review: usize) -> i32 {
    i32::try_from(review % 5 + 1).expect("small")
}

fn mean(course: usize) -> Option<f64> {
    let stars: Vec<f64> =
        (0..REVIEWS).filter(|review| course_of(*review) == course).map(|review| stars(review).into()).collect();
    (!stars.is_empty()).then(|| stars.iter().sum::<f64>() / f64::from(u32::try_from(stars.len()).expect("few")))
}

fn label(title: Option<&str>) -> Option<String> {
    title.map(|title| format!("<{title}>"))
}

/// Courses and people: who knows what is taught.
pub(super) mod catalogue {
    use super::*;

    pub(in super::super) struct Query;
    #[derive(Clone, Copy)]
    pub(in super::super) struct Course(pub(super) usize);
    #[derive(Clone, Copy)]
    pub(in super::super) struct Person(usize);
    /// A room, known by its id alone.
    #[derive(SimpleObject)]
    #[graphql(unresolvable = "id")]
    pub(in super::super) struct Room {
        id: ID,
    }
    #[derive(Union)]
    pub(in super::super) enum Thing {
        Course(Course),
        Person(Person),
    }

    #[Object]
    impl Query {
        async fn courses(&self) -> Vec<Course> {
            (0..COURSES).map(Course).collect()
        }
        async fn course(&self, id: ID) -> Option<Course> {
            known(&id, 'c', COURSES).map(Course)
        }
        async fn people(&self) -> Vec<Person> {
            (0..PEOPLE).map(Person).collect()
        }
        async fn things(&self) -> Vec<Option<Thing>> {
            vec![Some(Thing::Course(Course(1))), None, Some(Thing::Person(Person(2))), Some(Thing::Course(Course(5)))]
        }
        #[graphql(entity)]
        async fn find_course(&self, id: ID) -> Option<Course> {
            known(&id, 'c', COURSES).map(Course)
        }
        #[graphql(entity)]
        async fn find_person(&self, id: ID) -> Option<Person> {
            known(&id, 'p', PEOPLE).map(Person)
        }
    }

    #[Object]
    impl Course {
        async fn id(&self) -> ID {
            format!("c{}", self.0).into()
        }
        async fn title(&self) -> String {
            title(self.0)
        }
        async fn level(&self) -> Option<Level> {
            level(self.0)
        }
        async fn room(&self) -> Option<Room> {
            room_of(self.0).map(|room| Room { id: format!("r{room}").into() })
        }
        async fn related(&self) -> Vec<Course> {
            related(self.0).map(Course).to_vec()
        }
        async fn words(&self, first: Option<usize>) -> Vec<String> {
            title(self.0).split(' ').take(first.unwrap_or(2)).map(str::to_owned).collect()
        }
    }

    #[Object]
    impl Person {
        async fn id(&self) -> ID {
            format!("p{}", self.0).into()
        }
        async fn name(&self) -> String {
            format!("Persoon {}", self.0)
        }
        async fn mentor(&self) -> Option<Person> {
            mentor(self.0).map(Person)
        }
    }
}

/// Rooms: who knows where it is taught.
pub(super) mod rooms {
    use super::*;

    pub(in super::super) struct Query;
    #[derive(Clone, Copy)]
    pub(in super::super) struct Room(usize);
    /// A course, known by its id alone.
    #[derive(SimpleObject)]
    #[graphql(unresolvable = "id")]
    pub(in super::super) struct Course {
        id: ID,
    }

    #[Object]
    impl Query {
        async fn rooms(&self) -> Vec<Room> {
            (0..ROOMS).map(Room).collect()
        }
        #[graphql(entity)]
        async fn find_room(&self, id: ID) -> Option<Room> {
            known(&id, 'r', ROOMS).map(Room)
        }
    }

    #[Object]
    impl Room {
        async fn id(&self) -> ID {
            format!("r{}", self.0).into()
        }
        async fn name(&self) -> String {
            format!("Lokaal {}", self.0)
        }
        async fn size(&self) -> Option<i32> {
            size(self.0)
        }
        async fn courses(&self) -> Vec<Course> {
            let here = (0..COURSES).filter(|course| room_of(*course) == Some(self.0));
            here.map(|course| Course { id: format!("c{course}").into() }).collect()
        }
    }
}

/// Reviews: who knows what people think of it.
pub(super) mod reviews {
    use super::*;

    pub(in super::super) struct Query;
    #[derive(Clone, Copy)]
    pub(in super::super) struct Review(usize);
    pub(in super::super) struct Course(usize, Option<String>);
    #[derive(Clone, Copy)]
    pub(in super::super) struct Person(usize);

    #[Object]
    impl Query {
        async fn reviews(&self) -> Vec<Review> {
            (0..REVIEWS).map(Review).collect()
        }
        #[graphql(entity)]
        async fn find_course(&self, #[graphql(key)] id: ID, title: Option<String>) -> Option<Course> {
            known(&id, 'c', COURSES).map(|course| Course(course, title))
        }
        #[graphql(entity)]
        async fn find_person(&self, id: ID) -> Option<Person> {
            known(&id, 'p', PEOPLE).map(Person)
        }
        #[graphql(entity)]
        async fn find_review(&self, id: ID) -> Option<Review> {
            known(&id, 'v', REVIEWS).map(Review)
        }
    }

    #[Object]
    impl Review {
        async fn id(&self) -> ID {
            format!("v{}", self.0).into()
        }
        async fn stars(&self) -> i32 {
            stars(self.0)
        }
        async fn course(&self) -> Course {
            Course(course_of(self.0), None)
        }
        async fn by(&self) -> Option<Person> {
            author(self.0).map(Person)
        }
    }

    #[Object]
    impl Course {
        async fn id(&self) -> ID {
            format!("c{}", self.0).into()
        }
        #[graphql(external)]
        async fn title(&self) -> String {
            self.1.clone().unwrap_or_default()
        }
        async fn mean(&self) -> Option<f64> {
            mean(self.0)
        }
        #[graphql(requires = "title")]
        async fn label(&self) -> Option<String> {
            label(self.1.as_deref())
        }
        async fn reviews(&self) -> Vec<Review> {
            (0..REVIEWS).filter(|review| course_of(*review) == self.0).map(Review).collect()
        }
    }

    #[Object]
    impl Person {
        async fn id(&self) -> ID {
            format!("p{}", self.0).into()
        }
        async fn reviews(&self) -> Vec<Review> {
            (0..REVIEWS).filter(|review| author(*review) == Some(self.0)).map(Review).collect()
        }
    }
}

/// The same in one schema, which asks nobody.
pub(super) mod whole {
    use super::*;

    pub(in super::super) struct Query;
    #[derive(Clone, Copy)]
    pub(in super::super) struct Course(usize);
    #[derive(Clone, Copy)]
    pub(in super::super) struct Person(usize);
    #[derive(Clone, Copy)]
    pub(in super::super) struct Room(usize);
    #[derive(Clone, Copy)]
    pub(in super::super) struct Review(usize);
    #[derive(Union)]
    pub(in super::super) enum Thing {
        Course(Course),
        Person(Person),
    }

    #[Object]
    impl Query {
        async fn courses(&self) -> Vec<Course> {
            (0..COURSES).map(Course).collect()
        }
        async fn course(&self, id: ID) -> Option<Course> {
            known(&id, 'c', COURSES).map(Course)
        }
        async fn people(&self) -> Vec<Person> {
            (0..PEOPLE).map(Person).collect()
        }
        async fn things(&self) -> Vec<Option<Thing>> {
            vec![Some(Thing::Course(Course(1))), None, Some(Thing::Person(Person(2))), Some(Thing::Course(Course(5)))]
        }
        async fn rooms(&self) -> Vec<Room> {
            (0..ROOMS).map(Room).collect()
        }
        async fn reviews(&self) -> Vec<Review> {
            (0..REVIEWS).map(Review).collect()
        }
    }

    #[Object]
    impl Course {
        async fn id(&self) -> ID {
            format!("c{}", self.0).into()
        }
        async fn title(&self) -> String {
            title(self.0)
        }
        async fn level(&self) -> Option<Level> {
            level(self.0)
        }
        async fn room(&self) -> Option<Room> {
            room_of(self.0).map(Room)
        }
        async fn related(&self) -> Vec<Course> {
            related(self.0).map(Course).to_vec()
        }
        async fn words(&self, first: Option<usize>) -> Vec<String> {
            title(self.0).split(' ').take(first.unwrap_or(2)).map(str::to_owned).collect()
        }
        async fn mean(&self) -> Option<f64> {
            mean(self.0)
        }
        async fn label(&self) -> Option<String> {
            label(Some(&title(self.0)))
        }
        async fn reviews(&self) -> Vec<Review> {
            (0..REVIEWS).filter(|review| course_of(*review) == self.0).map(Review).collect()
        }
    }

    #[Object]
    impl Person {
        async fn id(&self) -> ID {
            format!("p{}", self.0).into()
        }
        async fn name(&self) -> String {
            format!("Persoon {}", self.0)
        }
        async fn mentor(&self) -> Option<Person> {
            mentor(self.0).map(Person)
        }
        async fn reviews(&self) -> Vec<Review> {
            (0..REVIEWS).filter(|review| author(*review) == Some(self.0)).map(Review).collect()
        }
    }

    #[Object]
    impl Room {
        async fn id(&self) -> ID {
            format!("r{}", self.0).into()
        }
        async fn name(&self) -> String {
            format!("Lokaal {}", self.0)
        }
        async fn size(&self) -> Option<i32> {
            size(self.0)
        }
        async fn courses(&self) -> Vec<Course> {
            (0..COURSES).filter(|course| room_of(*course) == Some(self.0)).map(Course).collect()
        }
    }

    #[Object]
    impl Review {
        async fn id(&self) -> ID {
            format!("v{}", self.0).into()
        }
        async fn stars(&self) -> i32 {
            stars(self.0)
        }
        async fn course(&self) -> Course {
            Course(course_of(self.0))
        }
        async fn by(&self) -> Option<Person> {
            author(self.0).map(Person)
        }
    }
}

pub(super) type Of<Q> = Schema<Q, EmptyMutation, EmptySubscription>;

/// A schema without changes.
pub(super) fn schema<Q: async_graphql::ObjectType + 'static>(query: Q) -> Of<Q> {
    Schema::build(query, EmptyMutation, EmptySubscription).enable_federation().finish()
}
