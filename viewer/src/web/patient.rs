//! One patient: who it is, the cases on a line of time, the care team, who sees the profile, what was asked.

use leptos::prelude::*;
use leptos_router::components::A;
use leptos_router::hooks::{use_navigate, use_params_map};
use serde::Deserialize;
use serde_json::{Value, json};
use wasm_bindgen_futures::spawn_local;

use super::Session;
use super::agreements::{Releases, Signing};
use super::api::{self, Case, Demographics, Failure, Patient};
use super::dates::{age, day, in_days};
use super::frame::{Area, Choice, Field, Frame, Read, Sure, Trouble, Undo, fixed};
use super::practice::Member;
use super::sign_in::{Mailed, demo_link};
use crate::texts::{fill, of_word, t};

#[component]
pub(crate) fn PatientPage() -> impl IntoView {
    let session: Session = expect_context();
    let id = use_params_map().with_untracked(|params| params.get("id").unwrap_or_default());
    let path = StoredValue::new(format!("/api/patients/{id}"));
    let patient = Read::<Patient>::new(path.get_value());
    let cases = Read::<Vec<Case>>::new(format!("{}/cases", path.get_value()));
    let name = Signal::derive(move || {
        patient.value.with(|found| {
            found
                .as_ref()
                .map(|found| found.demographics.name.clone())
                .unwrap_or_default()
        })
    });
    let decides = session
        .practice()
        .is_some_and(|practice| practice.role != "staff");
    let navigate = use_navigate();
    let remove = Callback::new(move |()| {
        let navigate = navigate.clone();
        let undo = Undo {
            name: name.get_untracked(),
            path: format!("{}/undo-delete", path.get_value()),
            page: format!("/patients/{id}"),
        };
        patient.tell("DELETE", path.get_value(), Value::Null, move || {
            session.undo.set(Some(undo));
            navigate("/patients", leptos_router::NavigateOptions::default());
        });
    });
    view! {
        <Frame title=name>
            <Trouble of=patient.trouble/>
            {move || patient.value.get().map(|found| view! { <Person patient=found read=patient/> })}
            <section>
                <h2>{t("patient.cases")}</h2>
                <Trouble of=cases.trouble/>
                {move || cases.value.get().map(|cases| {
                    let is_first = cases.is_empty();
                    view! { <Timeline cases/> <NewCase path=format!("{}/cases", path.get_value()) is_first/> }
                })}
            </section>
            {move || patient.value.get().map(|found| view! {
                <Team path/>
                <People path name=found.demographics.name.clone() decides/>
                <section>
                    <h2>{t("request.title")}</h2>
                    <Requests path=StoredValue::new(format!("{}/requests", path.get_value()))
                        answering=if decides { Answering::Answers } else { Answering::Waits }/>
                </section>
                <Releases patient=found.id.clone() signing=Signing::Reads/>
                {decides.then(|| view! { <section class="end">
                    <Sure name=t("patient.delete") loss=t("patient.loss") act=remove/></section> })}
            })}
        </Frame>
    }
}

/// Who it is, and correcting that.
#[component]
fn Person(patient: Patient, read: Read<Patient>) -> impl IntoView {
    let person = patient.demographics;
    let years = person.born.as_deref().and_then(age);
    let facts = [
        person.born.as_deref().map(day),
        years.map(|years| fill(t("patient.age"), &[("years", &years.to_string())])),
        person
            .sex
            .as_deref()
            .and_then(|sex| of_word("sex", sex))
            .map(str::to_owned),
        person.height_cm.map(|height| format!("{height:.0} cm")),
        person.contact.clone(),
    ];
    let facts: Vec<String> = facts.into_iter().flatten().collect();
    let editing = RwSignal::new(false);
    let form = person.clone();
    view! {
        <div class="title-row">
            <div><h1>{person.name}</h1><p class="quiet number">{facts.join(" · ")}</p></div>
            <button aria-expanded=move || editing.get().to_string()
                on:click=move |_| editing.update(|editing| *editing = !*editing)>{t("patient.edit")}</button>
        </div>
        {move || editing.get().then(|| view! { <Edit person=form.clone() version=patient.version id=patient.id.clone() read/> })}
    }
}

#[component]
fn Edit(person: Demographics, version: u64, id: String, read: Read<Patient>) -> impl IntoView {
    let text = |value: Option<String>| RwSignal::new(value.unwrap_or_default());
    let name = RwSignal::new(person.name);
    let (born, contact, address) = (text(person.born), text(person.contact), text(person.address));
    let (gender, sex) = (text(person.gender), text(person.sex));
    let (race, eyes) = (text(person.race), text(person.eye_color));
    let height = text(person.height_cm.map(|height| height.to_string()));
    let keep = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        let optional =
            |signal: RwSignal<String>| Some(signal.get_untracked()).filter(|text| !text.trim().is_empty());
        let demographics = Demographics {
            name: name.get_untracked(),
            born: optional(born),
            sex: optional(sex),
            gender: optional(gender),
            contact: optional(contact),
            address: optional(address),
            race: optional(race),
            eye_color: optional(eyes),
            height_cm: optional(height).and_then(|text| text.replace(',', ".").parse().ok()),
        };
        let body = json!({ "version": version, "demographics": demographics });
        read.tell("PUT", format!("/api/patients/{id}"), body, || {});
    };
    view! {
        <form class="panel columns" on:submit=keep>
            <Field name=t("patients.name") value=name required=true first=true/>
            <Field name=t("patients.born") value=born kind="date"/>
            <Choice name=t("patient.sex") value=sex choices=fixed(&[("", t("patient.unsaid")), ("F", t("sex.F")), ("M", t("sex.M")), ("O", t("sex.O"))])/>
            <Choice name=t("patient.gender") value=gender choices=fixed(&[("", t("patient.unsaid")), ("female", t("gender.female")),
                ("male", t("gender.male")), ("other", t("gender.other")), ("unknown", t("gender.unknown"))])/>
            <Field name=t("patient.height") value=height kind="number"/>
            <Field name=t("patient.eyes") value=eyes/>
            <Field name=t("patient.race") value=race/>
            <Area name=t("patient.contact") value=contact/>
            <Area name=t("patient.address") value=address/>
            <p class="all"><button class="primary">{t("account.keep")}</button></p>
        </form>
    }
}

/// The cases on a line of time, the latest day first.
#[component]
fn Timeline(cases: Vec<Case>) -> impl IntoView {
    let mut cases = cases;
    let when = |case: &Case| {
        case.date
            .clone()
            .unwrap_or_else(|| case.created.get(..10).unwrap_or_default().to_owned())
    };
    cases.sort_by_key(|case| std::cmp::Reverse(when(case)));
    let today = in_days(0.0);
    if cases.is_empty() {
        return view! { <p class="quiet">{t("patient.no_cases")}</p> }.into_any();
    }
    view! {
        <ol class="timeline">
            {cases.into_iter().map(|case| {
                let at = when(&case);
                let is_ahead = at > today;
                view! {
                    <li class:ahead=is_ahead>
                        <span class="when number">{day(&at)} {is_ahead.then(|| view! { <span class="quiet">" " {t("timeline.planned")}</span> })}</span>
                        <A href=format!("/cases/{}", case.id) attr:class="card">
                            <strong>{case.title}</strong>
                            {(case.state == "closed").then(|| view! { <span class="tag">{t("case.closed")}</span> })}
                            {(case.sharing == "with_patient").then(|| view! { <span class="tag">{t("case.shared")}</span> })}
                        </A>
                    </li>
                }
            }).collect_view()}
        </ol>
    }
    .into_any()
}

#[component]
fn NewCase(path: String, is_first: bool) -> impl IntoView {
    let path = StoredValue::new(path);
    let opening = RwSignal::new(is_first);
    view! {
        {move || if opening.get() {
            view! { <CaseForm path=path.get_value()/> }.into_any()
        } else {
            view! { <p><button on:click=move |_| opening.set(true)>{t("patient.new_case")}</button></p> }.into_any()
        }}
    }
}

#[component]
fn CaseForm(path: String) -> impl IntoView {
    let (title, date) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let trouble = RwSignal::new(None::<Failure>);
    let navigate = use_navigate();
    let open = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        let (path, navigate) = (path.clone(), navigate.clone());
        spawn_local(async move {
            let date = date.get_untracked();
            let mut body = json!({ "title": title.get_untracked() });
            if !date.is_empty() {
                body["date"] = date.into();
            }
            match api::send::<_, Case>("POST", &path, &body).await {
                Ok(case) => navigate(
                    &format!("/cases/{}", case.id),
                    leptos_router::NavigateOptions::default(),
                ),
                Err(failure) => trouble.set(Some(failure)),
            }
        });
    };
    view! {
        <form class="panel" on:submit=open>
            <h3>{t("patient.new_case")}</h3>
            <Field name=t("patient.case_title") value=title required=true first=true/>
            <Field name=t("patient.case_date") value=date kind="date"/>
            <Trouble of=trouble/>
            <button class="primary">{t("patient.open_case")}</button>
        </form>
    }
}

#[derive(Clone, PartialEq, Deserialize)]
struct OfTeam {
    user: String,
    name: Option<String>,
    role: Option<String>,
    since: String,
}

/// The care team: who sees this profile, adding and taking off.
#[component]
fn Team(path: StoredValue<String>) -> impl IntoView {
    let session: Session = expect_context();
    let team = Read::<Vec<OfTeam>>::new(format!("{}/care-team", path.get_value()));
    let practice = session
        .practice()
        .map(|practice| practice.practice)
        .unwrap_or_default();
    let members = Read::<Vec<Member>>::new(format!("/api/practices/{practice}/members"));
    let others = move || {
        let inside = team.value.get().unwrap_or_default();
        let all = members.value.get().unwrap_or_default().into_iter();
        all.filter(|one| one.state == "active" && inside.iter().all(|known| known.user != one.user))
            .collect::<Vec<_>>()
    };
    let chosen = RwSignal::new(String::new());
    let join = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        let user = chosen.get_untracked();
        if !user.is_empty() {
            team.tell(
                "PUT",
                format!("{}/care-team/{user}", path.get_value()),
                Value::Null,
                move || chosen.set(String::new()),
            );
        }
    };
    view! {
        <section>
            <h2>{t("team.title")}</h2>
            <p class="quiet">{t("team.help")}</p>
            <Trouble of=team.trouble/>
            <ul class="rows">
                {move || team.value.get().unwrap_or_default().into_iter().map(|one| {
                    let place = format!("{}/care-team/{}", path.get_value(), one.user);
                    let name = one.name.unwrap_or_default();
                    let loss = fill(t("team.loss"), &[("name", &name)]);
                    view! {
                        <li><span><strong>{name}</strong> <span class="quiet number">" " {one.role.as_deref().and_then(|role| of_word("role", role))}
                            " · " {fill(t("team.since"), &[("day", &day(&one.since))])}</span></span>
                            <Sure name=t("team.leave") loss act=Callback::new(move |()| team.act("DELETE", place.clone()))/></li>
                    }
                }).collect_view()}
            </ul>
            {move || {
                let others = others();
                (!others.is_empty()).then(|| view! {
                    <form class="inline-form" on:submit=join>
                        <label class="field"><span>{t("team.add")}</span>
                            <select required prop:value=move || chosen.get() on:change=move |event| chosen.set(event_target_value(&event))>
                                <option value="">{t("team.choose")}</option>
                                {others.into_iter().map(|one| view! { <option value=one.user>{one.name}</option> }).collect_view()}
                            </select></label>
                        <button>{t("team.join")}</button>
                    </form>
                })
            }}
        </section>
    }
}

#[derive(Clone, PartialEq, Deserialize)]
struct Linked {
    user: String,
    name: Option<String>,
    guardian: Option<String>,
    until: Option<String>,
    live: bool,
}

/// Who sees the profile as the patient or as a guardian, and inviting them.
#[component]
fn People(path: StoredValue<String>, name: String, decides: bool) -> impl IntoView {
    let people = Read::<Vec<Linked>>::new(format!("{}/people", path.get_value()));
    view! {
        <section>
            <h2>{t("linked.title")}</h2>
            <p class="quiet">{t("patient.invite_help")}</p>
            <Trouble of=people.trouble/>
            <ul class="rows">
                {move || people.value.get().unwrap_or_default().into_iter().map(|one| {
                    let place = format!("{}/people/{}", path.get_value(), one.user);
                    let who = match (&one.guardian, &one.until) {
                        (Some(scope), Some(until)) => fill(t("linked.guardian"), &[
                            ("what", of_word("guardian", scope).unwrap_or_default()), ("day", &day(&super::dates::last_day(until)))]),
                        _ => t("linked.own").to_owned(),
                    };
                    view! {
                        <li><span><strong>{one.name}</strong> <span class="quiet number">" " {who}</span>
                            {(!one.live).then(|| view! { " " <span class="tag">{t("people.ended")}</span> })}</span>
                            {decides.then(|| view! { <Sure name=t("linked.end") loss=t("linked.loss")
                                act=Callback::new(move |()| people.act("DELETE", place.clone()))/> })}</li>
                    }
                }).collect_view()}
            </ul>
            {decides.then(|| view! { <InvitePatient path name people/> })}
        </section>
    }
}

/// Invites the person, or a guardian, to see what is shared.
#[component]
fn InvitePatient(path: StoredValue<String>, name: String, people: Read<Vec<Linked>>) -> impl IntoView {
    let (email, name) = (RwSignal::new(String::new()), RwSignal::new(name));
    let role = RwSignal::new("patient".to_owned());
    let (from, until) = (RwSignal::new(in_days(0.0)), RwSignal::new(in_days(365.0)));
    let trouble = RwSignal::new(None::<Failure>);
    let sent = RwSignal::new(None::<Option<String>>);
    let send = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        trouble.set(None);
        let mut body = json!({ "email": email.get_untracked(), "name": name.get_untracked() });
        let scope = role.get_untracked();
        if scope != "patient" {
            body["guardian"] =
                json!({ "scope": scope, "from": from.get_untracked(), "until": until.get_untracked() });
        }
        spawn_local(async move {
            match api::send::<_, Value>("POST", &format!("{}/people", path.get_value()), &body).await {
                Ok(answer) => {
                    sent.set(Some(demo_link(&answer)));
                    email.set(String::new());
                    people.again();
                }
                Err(failure) => trouble.set(Some(failure)),
            }
        });
    };
    view! {
        <details><summary>{t("patient.invite")}</summary>
            <form class="panel" on:submit=send>
                <Choice name=t("linked.as") value=role choices=fixed(&[("patient", t("linked.patient")), ("look", t("linked.look")), ("act", t("linked.act"))])/>
                <Field name=t("patients.name") value=name required=true/>
                <Field name=t("in.email") value=email kind="email" required=true/>
                {move || (role.get() != "patient").then(|| view! {
                    <Field name=t("linked.from") value=from kind="date" required=true/>
                    <Field name=t("people.until_day") value=until kind="date" required=true/>
                })}
                <Trouble of=trouble/>
                {move || sent.get().map(|link| view! { <Mailed link/> })}
                <button class="primary">{t("patient.invite_send")}</button>
            </form>
        </details>
    }
}

#[derive(Clone, PartialEq, Deserialize)]
pub(crate) struct Request {
    id: String,
    kind: String,
    state: String,
    text: String,
    answer: Option<String>,
    asked: String,
    due: String,
}

/// Whether one answers requests or waits for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answering {
    Answers,
    Waits,
}

/// What was asked about a record, and what was answered.
#[component]
pub(crate) fn Requests(path: StoredValue<String>, answering: Answering) -> impl IntoView {
    let requests = Read::<Vec<Request>>::new(path.get_value());
    view! {
        <Trouble of=requests.trouble/>
        <ul class="rows">
            {move || requests.value.get().unwrap_or_default().into_iter().map(|one| {
                let is_open = one.state == "open";
                let head = fill(t("request.asked"), &[("what", of_word("request", &one.kind).unwrap_or_default()), ("day", &day(&one.asked))]);
                view! {
                    <li class="stacked"><span><strong>{head}</strong> " " <span class="tag">{of_word("request_state", &one.state)}</span></span>
                        {is_open.then(|| view! { <Clock due=one.due/> })}
                        <p>{one.text}</p>
                        {(is_open && one.kind == "copy" && answering == Answering::Answers).then(|| view! { <p class="quiet">{t("request.how_copy")}</p> })}
                        {one.answer.map(|answer| view! { <p class="quiet">{answer}</p> })}
                        {(is_open && answering == Answering::Answers).then(|| view! { <Answer id=one.id requests/> })}</li>
                }
            }).collect_view()}
        </ul>
        {move || requests.value.with(|all| all.as_ref().is_some_and(Vec::is_empty)).then(|| view! { <p class="quiet">{t("request.none")}</p> })}
    }
}

/// Until when a request is to be answered, and how many days that are.
#[component]
fn Clock(due: String) -> impl IntoView {
    let left = (js_sys::Date::parse(&due) - js_sys::Date::now()) / 86_400_000.0;
    let number = format!("{:.0}", left.abs().ceil());
    let (text, is_late) = match left < 0.0 {
        true => (t("request.late"), true),
        false => (t("request.due"), false),
    };
    let text = fill(text, &[("day", &day(&due)), ("number", &number)]);
    view! { <p class="number" class:caution=is_late>{text}</p> }
}

#[component]
fn Answer(id: String, requests: Read<Vec<Request>>) -> impl IntoView {
    let text = RwSignal::new(String::new());
    let granted = RwSignal::new("yes".to_owned());
    let send = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        let body = json!({ "granted": granted.get_untracked() == "yes", "text": text.get_untracked() });
        requests.tell("POST", format!("/api/requests/{id}/answer"), body, || {});
    };
    view! {
        <form on:submit=send>
            <Choice name=t("request.answer") value=granted choices=fixed(&[("yes", t("request.grant")), ("no", t("request.decline"))])/>
            <Area name=t("request.words") value=text required=true/>
            <button>{t("request.send")}</button>
        </form>
    }
}
