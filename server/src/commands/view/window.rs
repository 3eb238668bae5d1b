//! The window: what happens to it goes to the controls, and what they say is drawn.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use geometry::DVec2;
use ingest::Stage;
use winit::application::ApplicationHandler;
use winit::dpi::PhysicalSize;
use winit::event::{ElementState, MouseButton, MouseScrollDelta, WindowEvent};
use winit::event_loop::{ActiveEventLoop, ControlFlow, EventLoop};
use winit::keyboard::{Key as Typed, NamedKey};
use winit::window::{Window, WindowId};

use super::Arguments;
use super::controls::{Button, Controls, Effect, Input, Key, Shown, Side};
use super::screen::{Next, Screen, Show};

/// Width and height of the window at first, pixels.
pub(super) const FIRST_SIZE: (u32, u32) = (1100, 800);
/// Pixels of a touchpad that count as a notch of a wheel.
const NOTCH: f64 = 40.0;

/// Shows a stage until the window is closed.
///
/// # Errors
/// When no window can be opened, or a picture cannot be drawn.
pub(super) fn show(stage: &Stage, arguments: &Arguments) -> Result<()> {
    let events = EventLoop::new().context("there is no screen to open a window on")?;
    let size = [FIRST_SIZE.0, FIRST_SIZE.1];
    let volume = stage.grid().copied().zip(stage.window());
    let mut application = Application {
        stage,
        arguments,
        controls: Controls::new(size, stage.bounds_mm(), volume),
        opened: None,
        is_shifted: false,
        changed: true,
        next: Next::Now,
        result: Ok(()),
    };
    events.run_app(&mut application).context("the window failed")?;
    application.result
}

struct Application<'a> {
    stage: &'a Stage,
    arguments: &'a Arguments,
    controls: Controls,
    opened: Option<(Arc<Window>, Screen)>,
    is_shifted: bool,
    /// Whether anything changed since the last picture.
    changed: bool,
    next: Next,
    result: Result<()>,
}

impl Application<'_> {
    fn open(&self, events: &ActiveEventLoop) -> Result<(Arc<Window>, Screen)> {
        let attributes = Window::default_attributes()
            .with_title(self.controls.title())
            .with_inner_size(PhysicalSize::new(FIRST_SIZE.0, FIRST_SIZE.1));
        let window = Arc::new(events.create_window(attributes).context("opening a window")?);
        let screen = Screen::open(&window, events.owned_display_handle(), self.arguments.back_end)?;
        Ok((window, screen))
    }

    fn take(&mut self, input: Input) {
        if self.controls.take(input) == Effect::Redraw {
            self.changed = true;
            self.next = Next::Now;
        }
    }

    fn draw(&mut self) -> Result<()> {
        let Some((window, screen)) = &mut self.opened else {
            return Ok(());
        };
        if self.changed {
            window.set_title(&self.controls.title());
        }
        self.next = screen.draw(&Show {
            stage: self.stage,
            controls: &self.controls,
            shadows: self.arguments.shadows,
            changed: self.changed,
        })?;
        self.changed = false;
        Ok(())
    }

    fn end(&mut self, events: &ActiveEventLoop, result: Result<()>) {
        self.result = result;
        events.exit();
    }
}

impl ApplicationHandler for Application<'_> {
    fn resumed(&mut self, events: &ActiveEventLoop) {
        if self.opened.is_some() {
            return;
        }
        match self.open(events) {
            Ok((window, screen)) => {
                let size = window.inner_size();
                self.take(Input::Resize([size.width, size.height]));
                // In a window of another shape the first view is another, too.
                self.take(Input::Key(Key::Reset));
                self.opened = Some((window, screen));
            }
            Err(error) => self.end(events, Err(error)),
        }
    }

    fn window_event(&mut self, events: &ActiveEventLoop, _: WindowId, event: WindowEvent) {
        match event {
            WindowEvent::CloseRequested => events.exit(),
            WindowEvent::Resized(size) => self.take(Input::Resize([size.width, size.height])),
            WindowEvent::ModifiersChanged(modifiers) => self.is_shifted = modifiers.state().shift_key(),
            WindowEvent::CursorMoved { position, .. } => {
                self.take(Input::Move(DVec2::new(position.x, position.y)));
            }
            WindowEvent::MouseInput { state, button, .. } => {
                if let Some(input) = pressed(state, button, self.is_shifted) {
                    self.take(input);
                }
            }
            WindowEvent::MouseWheel { delta, .. } => self.take(Input::Scroll(match delta {
                MouseScrollDelta::LineDelta(_, y) => f64::from(y),
                MouseScrollDelta::PixelDelta(by) => by.y / NOTCH,
            })),
            WindowEvent::KeyboardInput { event, .. } if event.state == ElementState::Pressed => {
                match typed(&event.logical_key) {
                    Some(Command::Close) => events.exit(),
                    Some(Command::Input(input)) => self.take(input),
                    None => {}
                }
            }
            WindowEvent::RedrawRequested => {
                if let Err(error) = self.draw() {
                    self.end(events, Err(error));
                }
            }
            _ => {}
        }
    }

    fn about_to_wait(&mut self, events: &ActiveEventLoop) {
        let Some((window, _)) = &self.opened else {
            return;
        };
        match self.next {
            Next::At(when) if when > Instant::now() => {
                events.set_control_flow(ControlFlow::WaitUntil(when));
                return;
            }
            Next::Now | Next::At(_) => window.request_redraw(),
            Next::Never => {}
        }
        events.set_control_flow(ControlFlow::Wait);
    }
}

/// What a button of the mouse means.
fn pressed(state: ElementState, button: MouseButton, is_shifted: bool) -> Option<Input> {
    let button = match button {
        MouseButton::Left if is_shifted => Button::Move,
        MouseButton::Left => Button::Main,
        MouseButton::Middle => Button::Move,
        MouseButton::Right => Button::Zoom,
        _ => return None,
    };
    Some(match state {
        ElementState::Pressed => Input::Press(button),
        ElementState::Released => Input::Release,
    })
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Command {
    Close,
    Input(Input),
}

/// What a key means.
fn typed(key: &Typed) -> Option<Command> {
    let slice = |side| Key::Show(Shown::Slice(side));
    let key = match key.as_ref() {
        Typed::Named(NamedKey::Escape) => return Some(Command::Close),
        Typed::Character("q") => return Some(Command::Close),
        Typed::Character("1") => Key::Show(Shown::Space),
        Typed::Character("2") => slice(Side::Axial),
        Typed::Character("3") => slice(Side::Coronal),
        Typed::Character("4") => slice(Side::Sagittal),
        Typed::Character("r" | "R") => Key::Reset,
        Typed::Named(NamedKey::ArrowUp | NamedKey::PageUp) => Key::Before,
        Typed::Named(NamedKey::ArrowDown | NamedKey::PageDown) => Key::Next,
        _ => return None,
    };
    Some(Command::Input(Input::Key(key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_buttons_mean_what_the_help_says() {
        let key = |text: &'static str| typed(&Typed::Character(text.into()));
        assert_eq!(
            key("3"),
            Some(Command::Input(Input::Key(Key::Show(Shown::Slice(Side::Coronal)))))
        );
        assert_eq!(key("r"), Some(Command::Input(Input::Key(Key::Reset))));
        assert_eq!(key("x"), None);
        assert_eq!(typed(&Typed::Named(NamedKey::Escape)), Some(Command::Close));
        let down = |button, is_shifted| pressed(ElementState::Pressed, button, is_shifted);
        assert_eq!(down(MouseButton::Left, false), Some(Input::Press(Button::Main)));
        assert_eq!(down(MouseButton::Left, true), Some(Input::Press(Button::Move)));
        assert_eq!(down(MouseButton::Right, true), Some(Input::Press(Button::Zoom)));
        assert_eq!(down(MouseButton::Back, false), None);
        assert_eq!(
            pressed(ElementState::Released, MouseButton::Middle, false),
            Some(Input::Release)
        );
    }
}
