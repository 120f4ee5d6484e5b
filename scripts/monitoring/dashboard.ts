import {
  DashboardBuilder,
  DashboardCursorSync,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TimeseriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import { type Panel, rows } from './panels.ts';

/** Of Grafana 10.0; newer ones migrate it. */
const SCHEMA_VERSION = 38;
const DATASOURCE = { type: 'prometheus', uid: '${datasource}' };
const FIGURE = { height: 4, span: 4 };
const GRAPH = { height: 8, span: 8 };

/** The dashboard as Grafana imports it. */
export function dashboardJson(): string {
  const dashboard = new DashboardBuilder('Holdfast')
    .uid('holdfast')
    .description('Message push to WebSocket clients: edges and control-api')
    .tags(['holdfast'])
    .time({ from: 'now-1h', to: 'now' })
    .refresh('30s')
    .tooltip(DashboardCursorSync.Crosshair)
    .withVariable(new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'))
    .withVariable(variable('job', 'label_values(holdfast_process_start_time_seconds, job)'))
    .withVariable(variable('instance', 'label_values(holdfast_process_start_time_seconds{job=~"$job"}, instance)'));
  for (const { title, panels } of rows) {
    dashboard.withRow(new RowBuilder(title));
    for (const panel of panels) dashboard.withPanel(panelOf(panel));
  }
  const built = dashboard.build();
  // The builder leaves them out, and Grafana takes two panels of one id for the same.
  const panels = built.panels?.map((panel, index) => ({ ...panel, id: index + 1 }));
  return `${JSON.stringify({ ...built, panels, schemaVersion: SCHEMA_VERSION }, null, 2)}\n`;
}

function variable(name: string, query: string): QueryVariableBuilder {
  return new QueryVariableBuilder(name)
    .label(name)
    .datasource(DATASOURCE)
    .query(query)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .multi(true)
    .includeAll(true)
    .allValue('.+')
    .current({ text: 'All', value: '$__all' });
}

function panelOf({ title, description, unit, lines, isFigure = false }: Panel): StatBuilder | TimeseriesBuilder {
  const { height, span } = isFigure ? FIGURE : GRAPH;
  const panel = isFigure ? new StatBuilder() : new TimeseriesBuilder().min(0).fillOpacity(8);
  panel.title(title).description(description).unit(unit).datasource(DATASOURCE).height(height).span(span);
  for (const [index, [legend, query]] of Object.entries(lines).entries()) {
    const refId = String.fromCodePoint('A'.codePointAt(0)! + index);
    panel.withTarget(new DataqueryBuilder().refId(refId).expr(query).legendFormat(legend));
  }
  return panel;
}
