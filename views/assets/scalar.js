// Starts Scalar with nothing that would leave this server: no fonts, proxy, assistant or counting of theirs.
window.Scalar.createApiReference('#scalar', {
  url: document.querySelector('#scalar').dataset.document,
  authentication: { preferredSecurityScheme: [['sandgate', 'subscription_key']] },
  withDefaultFonts: false,
  telemetry: false,
  agent: { disabled: true },
  mcp: { disabled: true },
  hideClientButton: true,
  hideDarkModeToggle: true,
  showDeveloperTools: 'never',
  documentDownloadType: 'none',
  persistAuth: false,
});
